"""Trains the diffusion transformer on encoded shards.  Run the same command again to go on from its checkpoint.

  python -m storybook.train_transformer --stills work/stills --clips work/clips --text-encoder minilm --work work --seconds 36000
  torchrun --nproc-per-node 2 -m storybook.train_transformer --threads 1 ...      (on a CPU: a process for each core, faster)

Single pictures first (`--still-seconds`; a seventh of the tokens, so subjects, places and looks are learned there), then whole
clips with a share of pictures.  New shards that appear in the folders are picked up at every checkpoint.  The learning rate
stays level and falls at the end (`--decay`), so a run can be lengthened by raising --seconds before that.
"""
import argparse
import copy
import glob
import os
import random

import torch

from . import diffusion as D
from . import transformer as TR
from .runtime import Ranks, add_run_arguments, autocast, pick_device, prepare, save_atomic
from .text_encoder import TEXT_LEN, TextEncoder


class Shards:
    """The newest shards of a folder, in memory (f16).  `batch` -> latents, contexts (10 % of them the empty prompt), cover."""

    def __init__(self, folder, empty, device, limit=1000, dropout=0.1):
        self.folder, self.empty, self.device, self.limit, self.dropout = folder, empty.to(device), device, limit, dropout
        self.files, self.parts = [], {}
        self.refresh()

    def refresh(self):
        files = sorted(glob.glob(os.path.join(self.folder, "shard*.pt")))[-self.limit:]
        if files == self.files:
            return
        for f in files:
            if f not in self.parts:
                s = torch.load(f, weights_only=False)
                self.parts[f] = {k: s[k].to(self.device) for k in ("latents", "cover", "text", "offsets")}
        self.parts = {f: self.parts[f] for f in files}
        self.files = files

    def __len__(self):
        return sum(len(p["latents"]) for p in self.parts.values())

    def batch(self, n):
        """Rows come from two shards of the list, so that no shard has to be joined with the others."""
        rows = []
        for f, m in zip(random.choices(self.files, k=2), (n // 2, n - n // 2)):
            if not m:
                continue
            p = self.parts[f]
            i = torch.randint(len(p["latents"]), (m,), device=self.device)
            k = torch.randint(p["offsets"].shape[1], (m,), device=self.device)
            start, length = p["offsets"][i, k].unbind(1)
            pos = torch.arange(TEXT_LEN, device=self.device)
            text = p["text"][(start[:, None] + pos).clamp(max=len(p["text"]) - 1)].float() * (pos < length[:, None])[..., None]
            rows.append((p["latents"][i].float(), text, p["cover"][i].float() / 255))
        x, text, cover = (torch.cat(v) for v in zip(*rows))
        drop = torch.rand(n, device=self.device) < self.dropout
        return x, torch.where(drop[:, None, None], self.empty, text), cover


PLACES_RATE = 4  # of the learning rate, for the embedding of places: it starts from little and everything waits for it


def optimizers(model, lr, muon_lr, decay=0.01):
    """Muon for the blocks' matrices, AdamW for the rest (muon_lr 0: AdamW for all)."""
    hidden = [p for n, p in model.named_parameters() if n.startswith("blocks.") and p.ndim == 2] if muon_lr else []
    places = [p for n, p in model.named_parameters() if n.startswith("position_embedding.")]
    taken = {id(p) for p in hidden + places}
    rest = [p for p in model.parameters() if id(p) not in taken]
    matrices = [p for p in rest if p.ndim >= 2 and p.shape[0] != 1]
    vectors = [p for p in rest if not (p.ndim >= 2 and p.shape[0] != 1)]
    groups = [{"params": matrices, "weight_decay": decay}, {"params": vectors, "weight_decay": 0.0}, {"params": places, "weight_decay": 0.0, "lr": PLACES_RATE * lr}]
    opts = [torch.optim.AdamW([g for g in groups if g["params"]], lr=lr, betas=(0.9, 0.98), fused=True)]
    if hidden:
        opts.append(torch.optim.Muon(hidden, lr=muon_lr, weight_decay=decay, momentum=0.95, ns_steps=5, adjust_lr_fn="match_rms_adamw"))
    for o in opts:
        for g in o.param_groups:
            g["base"] = g["lr"]
    return opts


def channel_weights(shards, power):
    """-> [C], mean 1: each latent channel's standard deviation to a power.

    Latents are (standard deviation of the picture's own coefficient)^0.5 a channel, so that power 2 makes the loss the error of
    the picture; 0 counts the faintest detail as much as what is light and what is dark.
    """
    latents = next(iter(shards.parts.values()))["latents"][:2000].float()
    weights = latents.square().mean((0, 2, 3, 4)).sqrt() ** power
    return weights / weights.mean()


def velocity_loss(model, x0, context, cover, sigma, free, focus, channels=None):
    """-> (loss with weights of channels and focus on the subjects' cells, plain mean squared error).  channels None, focus 0: the same."""
    noise = torch.randn_like(x0)
    with autocast(x0.device):
        v = model(D.add_noise(x0, noise, sigma), sigma, context, cover)
    each = (v - (noise - x0)).square()
    error = each.mean(1)  # [B, F, h, w]
    gate = free[..., None, None].expand_as(error)
    plain = (error.detach() * gate).sum() / gate.sum()
    if channels is not None:
        error = (each * channels[:, None, None, None]).mean(1)
    weight = gate * (1 + focus * cover)
    return (error * weight).sum() / weight.sum(), plain


@torch.no_grad()
def validate(model, shards, batches, size):
    """Mean squared error at fixed noise levels on fixed held-out batches -> {sigma: error}: plain ("val") and as the picture counts it ("picture")"""
    out, state = {}, torch.get_rng_state()
    visible = channel_weights(shards, 2)
    for level in (0.9, 0.6, 0.3):
        torch.manual_seed(1)
        random.seed(1)
        total = seen = 0.0
        for _ in range(batches):
            x, context, cover = shards.batch(size)
            sigma = torch.full((len(x), x.shape[2]), level, device=x.device)
            picture, plain = velocity_loss(model, x, context, cover, sigma, torch.ones_like(sigma), 0, visible)
            total, seen = total + plain.item(), seen + picture.item()
        out[f"val{level}"], out[f"picture{level}"] = total / batches, seen / batches
    torch.set_rng_state(state)
    random.seed()
    return out


def main(argv=None):
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--stills", required=True, help="shards of single pictures")
    p.add_argument("--clips", help="shards of clips")
    p.add_argument("--held", help="held-out shards for the validation loss")
    p.add_argument("--text-encoder", required=True)
    p.add_argument("--work", required=True, help="folder of the checkpoint")
    p.add_argument("--go-on-from", dest="start", help="folder with transformer.safetensors and its config to start from where --work has no checkpoint yet")
    p.add_argument("--still-seconds", type=float, help="time before clips (default: half)")
    p.add_argument("--still-batch", type=int, default=32)
    p.add_argument("--clip-batch", type=int, default=6)
    p.add_argument("--mix", type=float, default=0.3, help="share of single-picture steps in the clip phase")
    p.add_argument("--limit", type=int, default=1000, help="newest shards kept of each folder")
    p.add_argument("--heads", type=int, default=6, help="of 64 channels each")
    p.add_argument("--layers", type=int, default=8)
    p.add_argument("--lr", type=float, default=1e-3)
    p.add_argument("--muon-lr", type=float, default=0.0, help="> 0: Muon for the blocks' matrices")
    p.add_argument("--warmup", type=int, default=200)
    p.add_argument("--decay", type=float, default=0.25, help="share of the time at its end in which the learning rate falls to 2 %%")
    p.add_argument("--ema", type=float, default=0.999)
    p.add_argument("--focus", type=float, default=6.0, help="extra weight of cells covered by subjects; fades out with the learning rate")
    p.add_argument("--channel-power", type=float, default=1.0, help="weight of a latent channel in the loss: its deviation to this power (2: the picture's error)")
    p.add_argument("--route", type=float, default=0.5, help="share of a picture's tokens that skip the middle blocks in training (transformer.py)")
    p.add_argument("--sigma-data", type=float, default=0.6, help="preconditioning of the network's output (transformer.py); 0: it is the velocity")
    p.add_argument("--patch", type=int, default=2, help="latents a side of one token")
    p.add_argument("--compile", action="store_true", help="compile the blocks (a C++ compiler on a CPU; a quarter less time a step)")
    add_run_arguments(p, 36000)
    a = p.parse_args(argv)
    run = prepare(a, os.path.join(a.work, "transformer.jsonl"))
    shared = random.Random(a.seed)  # choices that all ranks make alike
    os.makedirs(a.work, exist_ok=True)
    device, path = pick_device(), os.path.join(a.work, "transformer.ckpt")
    empty = TextEncoder(a.text_encoder).contexts([""])[0]
    stills = Shards(a.stills, empty, device, a.limit)
    clips = Shards(a.clips, empty, device, a.limit) if a.clips else None
    held = Shards(a.held, empty, device, 8, dropout=0) if a.held else None
    state = torch.load(path, map_location=device, weights_only=False) if os.path.exists(path) else None
    channels = next(iter(stills.parts.values()))["latents"].shape[1]
    if state or not a.start:
        config = state["config"] if state else TR.make_config(a.layers, a.heads, channels, patch=a.patch, sigma_data=a.sigma_data or None)
        model = TR.Transformer(config).to(device)
    else:
        model = TR.load(os.path.join(a.start, "transformer.safetensors"), os.path.join(a.start, "transformer_config.json"), positions=True).train().requires_grad_(True).to(device)
        config = model.config
        if config["in_channels"] != channels:
            p.error(f"--go-on-from has {config['in_channels']} latent channels, the shards have {channels}: encode them with the autoencoder of {a.start}")
    ema = copy.deepcopy(model).requires_grad_(False)
    model.routed = a.route
    opts = optimizers(model, a.lr, a.muon_lr)
    seen = 0
    if state:
        model.load_state_dict(state["model"]), ema.load_state_dict(state["ema"])
        if len(state["opts"]) == len(opts):
            for o, s in zip(opts, state["opts"]):
                base = [g["base"] for g in o.param_groups]
                o.load_state_dict(s)
                for g, b in zip(o.param_groups, base):
                    g["base"] = b
        run.step, run.spent, seen = state["step"], state["spent"], state["seen"]
        shared.seed(a.seed + run.step)
    weights = channel_weights(stills, a.channel_power) if a.channel_power else None
    ranks = Ranks(list(model.parameters()))
    torch.manual_seed(a.seed + run.step + 7919 * ranks.rank), random.seed(a.seed + run.step + 7919 * ranks.rank)
    if ranks.rank:
        run.log = lambda **values: None
    print(f"{sum(q.numel() for q in model.parameters()) / 1e6:.2f} M parameters, {len(stills)} pictures, {len(clips) if clips else 0} clips, from step {run.step}", flush=True)
    if a.compile:
        TR.compile_blocks(model)
    params, still_seconds = list(model.parameters()), a.seconds / 2 if a.still_seconds is None else a.still_seconds

    def store():
        if ranks.rank:
            return
        save_atomic({"model": model.state_dict(), "ema": ema.state_dict(), "opts": [o.state_dict() for o in opts], "step": run.step, "spent": run.spent, "seen": seen, "config": config}, path)

    run.restart_clock()
    average, since = {}, (run.spent, seen)
    for step in run:
        images = not clips or run.spent < still_seconds or shared.random() < a.mix
        level = min(1.0, max(0.0, 1 - run.progress) / a.decay) if a.decay else 1.0
        for o in opts:
            for g in o.param_groups:
                g["lr"] = g["base"] * min(1, (step + 1) / a.warmup) * (0.02 + 0.98 * level)
        x0, context, cover = (stills if images else clips).batch(a.still_batch if images else a.clip_batch)
        sigma, free = D.sample_sigmas(len(x0), x0.shape[2], device)
        loss, plain = velocity_loss(model, x0, context, cover, sigma, free, a.focus * level, weights)
        ranks.zero_grad()
        loss.backward()
        ranks.average(run)
        torch.nn.utils.clip_grad_norm_(params, 1.0)
        for o in opts:
            o.step()
        seen += len(x0) * ranks.world
        keep = min(a.ema, (1 + step) / (10 + step))
        with torch.no_grad():
            torch._foreach_lerp_(list(ema.parameters()), params, 1 - keep)
        name = "still" if images else "clip"
        average[name] = plain if name not in average else 0.98 * average[name] + 0.02 * plain
        if step % 50 == 49:
            rate = (seen - since[1]) / max(1e-9, run.spent - since[0])
            since = (run.spent, seen)
            run.log(seen=seen, per_s=rate, lr=opts[0].param_groups[0]["lr"], **{k: v.item() for k, v in average.items()})
        if run.due():
            store()
            stills.refresh(), clips and clips.refresh()
            if held and not ranks.rank:
                run.log(**validate(ema, held, 4, 32))
    store()
    if ranks.rank:
        return
    if held:
        run.log(**validate(ema, held, 4, 32))
    TR.save(ema.state_dict(), config, os.path.join(a.work, "transformer.safetensors"), os.path.join(a.work, "transformer_config.json"))
    print(f"stopped at step {run.step}, {run.spent:.0f} s, {seen} samples", flush=True)


if __name__ == "__main__":
    main()
