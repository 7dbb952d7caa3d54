"""Trains the video autoencoder on rendered clips.  Run the same command again to go on from its checkpoint.

  python -m storybook.train_autoencoder --assets work/assets.pt --work work --seconds 3600

Encoder and decoder learn together for `--joint` of the time, with noise on the latents; then the encoder is frozen and the
decoder goes on alone.  `--freeze-encoder` freezes it at once (more decoder training for an encoder already in use).
"""
import argparse
import copy
import math
import os
import random
import time

import torch

from .assets import load_assets
from . import autoencoder as AE
from .renderer import Renderer
from .runtime import add_run_arguments, autocast, pick_device, prepare, save_atomic
from .sheets import contact_sheet
from .world import World


class Excerpts:
    """A ring of rendered excerpts u8 [N, frames, 3, S, S]: some are rendered first, then a few fresh ones at every step."""

    def __init__(self, renderer, world, capacity, frames, seed):
        self.renderer, self.world, self.frames = renderer, world, frames
        self.rand, self.generator = random.Random(seed), torch.Generator().manual_seed(seed)
        s = renderer.size
        self.store = torch.zeros(capacity, frames, 3, s, s, dtype=torch.uint8, device=renderer.device)
        self.count = self.next = 0

    def add(self, n):
        specs = [self.world.spec(self.rand) for _ in range(n)]
        start = torch.randint(0, self.renderer.frames - self.frames + 1, (n, 1), generator=self.generator)
        x, _ = self.renderer.render(specs, pick=start + torch.arange(self.frames))
        where = (self.next + torch.arange(n)) % len(self.store)
        self.store[where.to(self.store.device)] = x
        self.next = (self.next + n) % len(self.store)
        self.count = min(self.count + n, len(self.store))

    def batch(self, n):
        i = torch.randint(self.count, (n,), generator=self.generator)
        return self.store[i.to(self.store.device)].float() / 255


def latent_noise(z, fine, token, patch=2):
    """Noise for latents [B, F, C, h, w]: white, of a deviation up to `fine`, and alike within each token of the transformer, up to `token`
    times the root of a channel's own deviation.

    The second is what an imperfect transformer leaves: squares of 16 pixels that are all a little too light or too green.  A
    decoder that has met them levels them out against their neighbours.
    """
    level = lambda largest: largest * torch.rand(len(z), 1, 1, 1, 1, device=z.device)
    noise = level(fine) * torch.randn_like(z)
    if token:
        b, f, c, h, w = z.shape
        coarse = torch.randn(b, f, c, h // patch, w // patch, device=z.device, dtype=z.dtype)
        loudness = z.detach().float().square().mean((0, 1, 3, 4), keepdim=True).sqrt().sqrt()
        noise = noise + level(token) * loudness * coarse.repeat_interleave(patch, 3).repeat_interleave(patch, 4)
    return noise


def gradients(x):
    return x[..., 1:, :] - x[..., :-1, :], x[..., :, 1:] - x[..., :, :-1]


def loss_fn(out, target, detail):
    """10 MSE + detail * (L1 + L1 of the spatial gradients + a third of the temporal difference's)."""
    mse, l1 = (out - target).square().mean(), (out - target).abs().mean()
    edge = sum((a - b).abs().mean() for a, b in zip(gradients(out), gradients(target)))
    motion = ((out[:, 1:] - out[:, :-1]) - (target[:, 1:] - target[:, :-1])).abs().mean()
    return 10 * mse + detail * (l1 + 0.6 * edge + 0.3 * motion), mse


def psnr(a, b):
    return -10 * math.log10((a.clamp(0, 1) - b).square().mean().item() + 1e-12)


@torch.no_grad()
def evaluate(model, held, noise, device):
    """-> PSNR of held-out clips, with latent noise, of still pictures, and the latents' statistics."""
    sums, z_all = [], []
    for x in held.split(2):
        x = x.to(device).float() / 255
        with autocast(device):
            z = model.encode(x).float()
            y, n = model.decode(z).float(), model.decode(z + noise * torch.randn_like(z)).float()
            s = model.decode(model.encode(x[:, 8:9]).float()).float()
        sums.append([(v.clamp(0, 1) - t).square().mean().item() for v, t in ((y, x), (n, x), (s, x[:, 8:9]))])
        z_all.append(z)
    z = torch.cat(z_all)
    mean = [sum(s) / len(sums) for s in zip(*sums)]
    return {name: -10 * math.log10(v) for name, v in zip(("psnr", "noisy", "still"), mean)}, z


def main(argv=None):
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--assets", required=True)
    p.add_argument("--work", required=True, help="folder for the checkpoint and the results")
    p.add_argument("--go-on-from", dest="start", help="folder with autoencoder.safetensors and its config to start from where --work has no checkpoint yet")
    p.add_argument("--subjects", default="all", help="the autoencoder sees every subject by default")
    p.add_argument("--joint", type=float, default=0.5, help="share of the time before the encoder is frozen")
    p.add_argument("--freeze-encoder", action="store_true")
    p.add_argument("--batch", type=int, default=4)
    p.add_argument("--frames", type=int, default=9, help="length of the excerpts, 4n+1")
    p.add_argument("--pool", type=int, default=1600, help="excerpts kept")
    p.add_argument("--first", type=int, default=300, help="excerpts rendered before the first step")
    p.add_argument("--fresh", type=int, default=1, help="excerpts rendered anew at each step")
    p.add_argument("--held", type=int, default=24, help="held-out clips")
    p.add_argument("--lr", type=float, default=8e-4)
    p.add_argument("--detail", type=float, default=0.3, help="weight of the L1 and gradient terms in the end; they ramp up over the first half")
    p.add_argument("--noise", type=float, default=0.15, help="largest latent noise in training")
    p.add_argument("--token-noise", type=float, default=0.0, help="largest latent noise that a whole token shares (latent_noise)")
    p.add_argument("--power", type=float, default=0.5, help="latent channels get (standard deviation)^power, see pca_start")
    p.add_argument("--latent", type=int, default=48)
    p.add_argument("--encoder-width", type=int, default=160)
    p.add_argument("--decoder-width", type=int, default=192)
    p.add_argument("--decoder-blocks", type=int, default=4)
    p.add_argument("--linear-encoder", action="store_true", help="keep the encoder linear (for comparison)")
    p.add_argument("--eval-every", type=int, default=250)
    add_run_arguments(p, 3600)
    a = p.parse_args(argv)
    run = prepare(a, os.path.join(a.work, "autoencoder.jsonl"))
    os.makedirs(a.work, exist_ok=True)
    device, path = pick_device(), os.path.join(a.work, "autoencoder.ckpt")
    renderer, world = Renderer(load_assets(a.assets), device=device), World(a.subjects)
    held = torch.cat([renderer.render(World(a.subjects).specs(990000 + i, 2))[0] for i in range(a.held // 2)])
    state = torch.load(path, map_location=device, weights_only=False) if os.path.exists(path) else None
    if state or not a.start:
        config = state["config"] if state else AE.make_config(a.latent, a.encoder_width, 2, a.decoder_width, a.decoder_blocks)
        model = AE.Autoencoder(config)
    else:
        model = AE.load(os.path.join(a.start, "autoencoder.safetensors"), os.path.join(a.start, "autoencoder_config.json")).train().requires_grad_(True)
        config = model.config
    model = model.to(device, memory_format=torch.channels_last)
    pool = Excerpts(renderer, world, a.pool, a.frames, a.seed + 1 + (state["step"] if state else 0))
    begin = time.time()
    while pool.count < min(a.first, a.pool):
        pool.add(6)
    print(f"rendered {pool.count} excerpts of {a.frames} frames in {time.time() - begin:.0f} s", flush=True)
    if state:
        model.load_state_dict(state["model"])
    elif not a.start:
        std, target = model.pca_start(pool.store[:pool.count, :4], a.power)
        print("channel std in pixels' own units", [round(v, 2) for v in std.tolist()], "as latents", [round(v, 2) for v in target.tolist()], flush=True)
    ema = copy.deepcopy(model).requires_grad_(False)
    opt = torch.optim.AdamW(model.parameters(), lr=a.lr, betas=(0.9, 0.99), weight_decay=1e-3, fused=True)
    if state:
        opt.load_state_dict(state["opt"]), ema.load_state_dict(state["ema"])
        run.step, run.spent = state["step"], state["spent"]

    def store():
        save_atomic({"model": model.state_dict(), "ema": ema.state_dict(), "opt": opt.state_dict(), "step": run.step, "spent": run.spent, "config": config}, path)

    def report(sheet=None):
        scores, z = evaluate(ema, held, a.noise, device)
        run.log(**scores, latent_rms=z.square().mean().sqrt().item(), latent_max=z.abs().max().item())
        return scores

    report()
    average = None
    run.restart_clock()
    for step in run:
        frozen = a.freeze_encoder or a.linear_encoder or run.progress > a.joint
        model.encoder.requires_grad_(not frozen)
        lr = a.lr * min(1, (step + 1) / 100) * (0.03 + 0.97 * 0.5 * (1 + math.cos(math.pi * run.progress)))
        for g in opt.param_groups:
            g["lr"] = lr
        if a.fresh:
            pool.add(a.fresh)
        x = pool.batch(a.batch)
        with autocast(device):
            z = model.encode(x)
            y = model.decode(z + latent_noise(z, a.noise, a.token_noise))
        loss, mse = loss_fn(y.float(), x, a.detail * min(1, 2 * run.progress))
        # keep the latents' size, so that joint training can't outgrow the noise
        loss = loss + 0.02 * (z.float().square().mean() - 1).clamp(min=0)
        opt.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
        keep = min(0.998, (1 + step) / (10 + step))
        with torch.no_grad():
            torch._foreach_lerp_(list(ema.parameters()), list(model.parameters()), 1 - keep)
        average = mse.item() if average is None else 0.98 * average + 0.02 * mse.item()
        if step % 50 == 49:
            run.log(lr=lr, train_psnr=-10 * math.log10(average), frozen=int(frozen), pool=pool.count)
        if step % a.eval_every == a.eval_every - 1:
            report()
        if run.due():
            store()
    store()
    scores = report()
    AE.save(ema, os.path.join(a.work, "autoencoder.safetensors"), os.path.join(a.work, "autoencoder_config.json"))
    with torch.no_grad():
        x = held[:12].to(device).float() / 255
        pairs = torch.stack([x, ema.decode(ema.encode(x)).clamp(0, 1)], 1).flatten(0, 1)
        contact_sheet(pairs, os.path.join(a.work, "autoencoder.png"), columns=2)
    return scores


if __name__ == "__main__":
    main()
