"""Does a clip show what its prompt says?  A classifier trained on rendered clips alone reads the attributes back.

  python -m storybook.judge train --assets work/assets.pt --work work --seconds 3600
  python -m storybook.judge score --assets work/assets.pt --work work --text-encoder minilm --bundle out --out evaluation.json
  python -m storybook.judge frames --work work --frames clips.safetensors --specs prompts.json --out engine.json

`train` reports its held-out accuracy per attribute.  `score` judges four sets of prompts (in vocabulary, unseen wording,
held-out combinations, two subjects), rendered clips of the same specs (the ceiling) and always the commonest label (the
floor), then conditioning: a given first frame, a closed loop.  `prompts` writes the sets as JSON; `frames` judges clips that
another engine made from them (u8 [N, T, 3, H, W], tensor `frames`).
"""
import argparse
import json
import math
import os
import random

import torch
import torch.nn as nn
import torch.nn.functional as F

from .assets import load_assets
from . import vocabulary as V
from .captions import caption
from .fast_conv import Conv2d
from .renderer import Renderer
from .runtime import add_run_arguments, autocast, pick_device, prepare, save_atomic
from .world import World

HEADS = {"count": 3, "place": len(V.PLACE_IDS), "time": len(V.TIME_IDS), "weather": len(V.WEATHER_IDS), "motion": len(V.MOTION_IDS),
         "camera": len(V.CAMERA_IDS), "look": len(V.LOOK_IDS)}
SIDE, FRAMES = 64, 9


def labels(spec):
    """Class of each head; motion -1 where the subjects do different things."""
    motions = {s["motion"] for s in spec["subjects"]}
    motion = V.MOTION_IDS.index(motions.pop()) if len(motions) == 1 and len(spec["subjects"]) == 1 else -1
    return [len(spec["subjects"]) - 1, V.PLACE_IDS.index(spec["place"]), V.TIME_IDS.index(spec["time"]), V.WEATHER_IDS.index(spec["weather"]), motion,
            V.CAMERA_IDS.index(spec["camera"]), V.LOOK_IDS.index(spec["look"])]


def shrink(frames):
    """frames u8 or float [0, 1] [B, T, 3, H, W] -> u8 [B, 9, 3, 64, 64]: what the judge sees."""
    t = torch.linspace(0, frames.shape[1] - 1, FRAMES).round().long()
    x = frames[:, t].float() / (255 if frames.dtype == torch.uint8 else 1)
    x = F.interpolate(x.flatten(0, 1), size=(SIDE, SIDE), mode="area") if x.shape[-1] != SIDE else x.flatten(0, 1)
    return (x.clamp(0, 1) * 255).round().to(torch.uint8).view(-1, FRAMES, 3, SIDE, SIDE)


class Stage(nn.Module):
    """3x3 in space, 3 in time, each residual after the first."""

    def __init__(self, n_in, n):
        super().__init__()
        self.first, self.second = Conv2d(n_in, n, 3, padding=1), Conv2d(n, n, 3, padding=1)
        self.time = nn.Linear(3 * n, n)
        self.norm1, self.norm2 = nn.GroupNorm(8, n), nn.GroupNorm(8, n)

    def forward(self, x, batch):
        x = F.relu(self.norm1(self.first(x)))
        x = x + F.relu(self.norm2(self.second(x)))
        v = x.permute(0, 2, 3, 1).unflatten(0, (batch, -1))  # [B, T, H, W, C]
        around = torch.cat([F.pad(v, (0, 0, 0, 0, 0, 0, 1, 0))[:, :-1], v, F.pad(v, (0, 0, 0, 0, 0, 0, 0, 1))[:, 1:]], -1)
        return (v + F.relu(self.time(around))).flatten(0, 1).permute(0, 3, 1, 2)


class Judge(nn.Module):
    """Clips u8 [B, 9, 3, 64, 64] -> logits of every head, and `subjects` (one score each, the likeliest first)."""

    def __init__(self, ids, width=64):
        super().__init__()
        self.ids = list(ids)
        self.stem = Conv2d(48, width, 3, padding=1)
        self.stages = nn.ModuleList([Stage(width, width), Stage(width, 2 * width), Stage(2 * width, 2 * width)])
        self.heads = nn.ModuleDict({k: nn.Linear(4 * width, n) for k, n in {**HEADS, "subjects": len(self.ids)}.items()})
        yy, xx = torch.meshgrid(torch.linspace(-1, 1, 16), torch.linspace(-1, 1, 16), indexing="ij")
        self.register_buffer("where", torch.stack([xx, yy]), persistent=False)

    def forward(self, clips):
        b = len(clips)
        x = F.pixel_unshuffle(clips.flatten(0, 1).float() / 127.5 - 1, 4)  # [B*T, 48, 16, 16]
        x = self.stem(x)
        x = F.relu(torch.cat([x[:, :2] + self.where.to(x.dtype), x[:, 2:]], 1))  # lets it know where things are
        for i, stage in enumerate(self.stages):
            x = stage(F.avg_pool2d(x, 2) if i == 1 else x, b)
        x = x.float().unflatten(0, (b, -1))
        x = torch.cat([x.mean((1, 3, 4)), x.amax((1, 3, 4))], 1)
        return {k: h(x) for k, h in self.heads.items()}


def targets(specs, ids):
    present = torch.zeros(len(specs), len(ids))
    for row, s in zip(present, specs):
        for sub in s["subjects"]:
            row[ids.index(sub["id"])] = 1
    return torch.tensor([labels(s) for s in specs]), present


def judged(model, clips, batch=32):
    """-> dict of logits for u8 clips as the judge sees them."""
    device = next(model.parameters()).device
    with torch.no_grad(), autocast(device):
        parts = [{k: v.float().cpu() for k, v in model(c.to(device)).items()} for c in clips.split(batch)]
    return {k: torch.cat([p[k] for p in parts]) for k in parts[0]}


def accuracies(out, classes, present):
    """Share of right answers per attribute; `subject`: the n subjects of the spec are the n likeliest; `mean` over attributes."""
    result = {}
    for i, k in enumerate(HEADS):
        known = classes[:, i] >= 0
        if known.any():
            result[k] = (out[k].argmax(1) == classes[:, i])[known].float().mean().item()
    right = [present[j, out["subjects"][j].topk(int(present[j].sum())).indices].all().item() for j in range(len(present))]
    result["subject"] = sum(right) / len(right)
    result["mean"] = sum(result.values()) / len(result)
    return {k: round(v, 4) for k, v in result.items()}


def augment(x, generator):
    """Brightness, blur and noise, so that a decoder's small faults don't decide."""
    x = x.float()
    x = x * (1 + 0.1 * (torch.rand(len(x), 1, 1, 1, 1, generator=generator) - 0.5).to(x.device))
    soft = torch.rand(len(x), generator=generator) < 0.4
    if soft.any():
        rows = soft.nonzero()[:, 0].to(x.device)
        flat = x[rows].flatten(0, 1)
        x[rows] = (0.5 * flat + 0.5 * F.avg_pool2d(F.pad(flat, (1, 1, 1, 1), mode="replicate"), 3, 1)).view_as(x[rows])
    return (x + 6 * torch.randn(x.shape, device=x.device) * torch.rand(len(x), 1, 1, 1, 1, generator=generator).to(x.device)).clamp(0, 255)


def train(a):
    run = prepare(a, os.path.join(a.work, "judge.jsonl"))
    device, path = pick_device(), os.path.join(a.work, "judge.ckpt")
    os.makedirs(a.work, exist_ok=True)
    world = World(a.subjects, calm=a.calm, grid=a.grid)
    renderer = Renderer(load_assets(a.assets), a.frames, device)
    model = Judge(world.ids).to(device)
    opt = torch.optim.AdamW(model.parameters(), lr=a.lr, weight_decay=0.02, fused=True)
    if os.path.exists(path):
        s = torch.load(path, map_location=device)
        model.load_state_dict(s["model"]), opt.load_state_dict(s["opt"])
        run.step, run.spent = s["step"], s["spent"]
    rand, generator = random.Random(31 + run.step), torch.Generator().manual_seed(a.seed + run.step)
    take = torch.linspace(0, a.frames - 1, FRAMES).round().long()

    def rendered(specs):
        return shrink(renderer.render(specs, take.expand(len(specs), -1))[0])

    test_specs = World(a.subjects, 0.3).specs(880001, a.test)
    test = torch.cat([rendered(test_specs[i:i + 16]) for i in range(0, a.test, 16)])
    test_classes, test_present = targets(test_specs, world.ids)
    store = torch.zeros(a.pool, FRAMES, 3, SIDE, SIDE, dtype=torch.uint8, device=device)
    classes, present, count, turn = torch.zeros(a.pool, len(HEADS), dtype=torch.long), torch.zeros(a.pool, len(world.ids)), 0, 0

    def report():
        model.eval()
        scores = accuracies(judged(model, test), test_classes, test_present)
        model.train()
        run.log(**{f"held_{k}": v for k, v in scores.items()})
        return scores

    def keep():
        save_atomic({"model": model.state_dict(), "opt": opt.state_dict(), "step": run.step, "spent": run.spent, "ids": world.ids}, path)

    def fresh(batches):
        nonlocal turn, count
        for _ in range(batches):
            specs = [world.spec(rand) for _ in range(8)]
            where = (turn + torch.arange(8)) % a.pool
            store[where.to(device)] = rendered(specs)
            classes[where], present[where] = targets(specs, world.ids)
            turn, count = turn + 8, min(count + 8, a.pool)

    fresh(a.first // 8)
    run.restart_clock()
    average = None
    for step in run:
        fresh(a.fresh)
        i = torch.randint(count, (a.batch,), generator=generator)
        lr = a.lr * min(1, (step + 1) / 100) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * run.progress)))
        for g in opt.param_groups:
            g["lr"] = lr
        with autocast(device):
            out = model(augment(store[i.to(device)], generator))
        y, s = classes[i].to(device), present[i].to(device)
        loss = sum(F.cross_entropy(out[k].float(), y[:, j], ignore_index=-1) for j, k in enumerate(HEADS) if (y[:, j] >= 0).any())
        loss = loss + F.cross_entropy(out["subjects"].float(), s / s.sum(1, keepdim=True))  # the subjects share what is there
        opt.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 2.0)
        opt.step()
        average = loss.item() if average is None else 0.97 * average + 0.03 * loss.item()
        if step % 50 == 49:
            run.log(loss=average, clips=turn)
        if step % a.eval_every == a.eval_every - 1:
            report()
        if run.due():
            keep()
    keep()
    scores = report()
    torch.save({"model": model.state_dict(), "ids": world.ids, "scores": scores}, os.path.join(a.work, "judge.pt"))
    return scores


def load(path, device="cpu"):
    s = torch.load(path, map_location=device)
    model = Judge(s["ids"]).to(device)
    model.load_state_dict(s["model"])
    return model.eval(), s.get("scores")


def prompt_sets(world, count, seed=4242):
    """{set: [(spec, prompt)]}: captions that name every attribute."""
    sets = {}
    for name, split, unseen, actors in (("vocabulary", "train", False, 1), ("wording", "train", True, 1), ("combinations", "heldout", False, 1), ("two", "train", False, 2)):
        rng = random.Random(f"{seed}-{name}")
        rows = []
        while len(rows) < count:
            s = world.spec(rng, split, actors)
            if s["subjects"][0]["size"] != "small":
                rows.append((s, caption(s, rng, full=True, unseen=unseen)))
        sets[name] = rows
    return sets


def majority(classes, present):
    """What always answering the commonest label scores."""
    result = {}
    for i, k in enumerate(HEADS):
        c = classes[:, i][classes[:, i] >= 0]
        if len(c):
            result[k] = c.bincount().max().item() / len(c)
    result["subject"] = (present.sum(0).max() / len(present)).item() if (present.sum(1) == 1).all() else 0.0
    result["mean"] = sum(result.values()) / len(result)
    return {k: round(v, 4) for k, v in result.items()}


def psnr(a, b):
    return round(-10 * math.log10((a - b).square().mean().item() + 1e-12), 2)


@torch.no_grad()
def conditioning(bundle, renderer, world, count, steps, guidance):
    """First frame given: PSNR of the first frame drawn.  Loop (both ends given alike): step from last to first beside the usual step."""
    rng = random.Random(99)
    specs = [world.spec(rng, actors=1) for _ in range(count)]
    prompts = [caption(s, rng, full=True) for s in specs]
    first = renderer.render(specs, torch.zeros(count, 1, dtype=torch.long))[0].to(bundle.device).float() / 255
    frames = (bundle.info["defaults"]["frames"] - 1) // 4 + 1
    z = bundle.autoencoder.encode(first).transpose(1, 2).expand(-1, -1, frames, -1, -1)
    known = torch.zeros(frames)
    known[0] = 1
    video = bundle.generate(prompts, steps, guidance, known=z, known_frames=known)[1]
    ends = known.clone()
    ends[-1] = 1
    loop = bundle.generate(prompts, steps, guidance, known=z, known_frames=ends)[1]
    step = (loop[:, 1:] - loop[:, :-1]).square().mean().sqrt().item()
    return {"first_frame_psnr": psnr(video[:, 0], first[:, 0]), "autoencoder_first_frame_psnr": psnr(bundle.autoencoder.decode(z[:, :, :1].transpose(1, 2)).clamp(0, 1)[:, 0], first[:, 0]),
            "loop_last_to_first_rms": round((loop[:, -1] - loop[:, 0]).square().mean().sqrt().item(), 4), "loop_frame_to_frame_rms": round(step, 4)}


def score(a):
    from .bundle import Bundle
    device = pick_device()
    model, scores = load(os.path.join(a.work, "judge.pt"), device)
    world = World(model.ids)
    bundle = Bundle(a.bundle, a.text_encoder, device)
    d = bundle.info["defaults"]
    renderer = Renderer(load_assets(a.assets), d["frames"], device)
    report = {"judge_on_unseen_rendered_clips": scores, "steps": a.steps or d["steps"], "guidance": d["guidance"] if a.guidance is None else a.guidance, "prompts_per_set": a.count, "sets": {}}
    for name, rows in prompt_sets(world, a.count).items():
        specs = [s for s, _ in rows]
        classes, present = targets(specs, model.ids)
        real = torch.cat([shrink(renderer.render(specs[i:i + 8])[0]) for i in range(0, len(specs), 8)])
        made = torch.cat([shrink(bundle.generate([c for _, c in rows[i:i + 8]], a.steps, a.guidance, seed=i)[1]) for i in range(0, len(rows), 8)])
        report["sets"][name] = {"generated": accuracies(judged(model, made), classes, present), "rendered": accuracies(judged(model, real), classes, present), "majority": majority(classes, present)}
        print(name, report["sets"][name], flush=True)
    report["conditioning"] = conditioning(bundle, renderer, world, min(16, a.count), a.steps, a.guidance)
    print(report["conditioning"], flush=True)
    json.dump(report, open(a.out, "w"), indent=1)
    return report


def write_prompts(a):
    world = World(load(os.path.join(a.work, "judge.pt"))[0].ids)
    rows = [{"set": k, "prompt": c, "spec": s} for k, r in prompt_sets(world, a.count).items() for s, c in r]
    json.dump(rows, open(a.out, "w"), indent=1)


def frames(a):
    from safetensors.torch import load_file
    model, scores = load(os.path.join(a.work, "judge.pt"))
    rows, clips = json.load(open(a.specs)), load_file(a.frames)["frames"]
    report = {}
    for name in dict.fromkeys(r["set"] for r in rows[:len(clips)]):
        i = [j for j, r in enumerate(rows[:len(clips)]) if r["set"] == name]
        report[name] = accuracies(judged(model, shrink(clips[i])), *targets([rows[j]["spec"] for j in i], model.ids))
    print(report)
    json.dump({"judge_on_unseen_rendered_clips": scores, "sets": report}, open(a.out, "w"), indent=1)


def main(argv=None):
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("action", choices=["train", "score", "prompts", "frames"])
    p.add_argument("--work", required=True, help="folder of the judge")
    p.add_argument("--assets")
    p.add_argument("--subjects", default="core")
    p.add_argument("--calm", type=float, default=0.2, help="train: share of calm clips (world.py)")
    p.add_argument("--grid", type=float, default=0.5, help="train: share of single subjects on the latent grid, as a model trained there draws them")
    p.add_argument("--frames", default="25", help="train: frames of a clip; frames: the file of clips")
    p.add_argument("--specs", help="frames: the prompts file that the clips were made from")
    p.add_argument("--batch", type=int, default=32)
    p.add_argument("--pool", type=int, default=12000)
    p.add_argument("--first", type=int, default=400)
    p.add_argument("--fresh", type=int, default=1, help="times 8 clips rendered anew at each step")
    p.add_argument("--test", type=int, default=400)
    p.add_argument("--lr", type=float, default=1.5e-3)
    p.add_argument("--eval-every", type=int, default=250)
    p.add_argument("--text-encoder")
    p.add_argument("--bundle")
    p.add_argument("--count", type=int, default=100, help="prompts of each of the four sets")
    p.add_argument("--steps", type=int)
    p.add_argument("--guidance", type=float)
    p.add_argument("--out")
    add_run_arguments(p, 3600)
    a = p.parse_args(argv)
    if a.action == "train":
        a.frames = int(a.frames)
    return {"train": train, "score": score, "prompts": write_prompts, "frames": frames}[a.action](a)


if __name__ == "__main__":
    main()
