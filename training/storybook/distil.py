"""Distils the guided teacher into a student of few steps without guidance.

  python -m storybook.distil --work work --clips work/clips --text-encoder minilm --out work/distilled --steps 4 --seconds 7200
  torchrun --nproc-per-node 2 -m storybook.distil --threads 1 ...      (on a CPU: a process for each core, faster)

The teacher (guided, `--teacher-steps`) is followed from noise; the student's few steps divide its path into straight pieces.
At the start of each piece the student learns the velocity that leads to its end, so it draws what the guided teacher draws, one
pass a step.  With as many teacher's steps as student's it learns the guided velocity itself, and with `--jitter` at any noise level: such a student can be
asked for any number of steps.  Paths are kept in a pool that is renewed all the time; a share of them keeps given frames (image-to-video, loop).
The student starts as the teacher.  Resumable.

`held` in the log: on paths that are never trained on, the distance of the student's clips from the teacher's, drawn from the same
noise, as a share of the teacher's distance from its own clips without guidance in as many steps (where the student starts: 1).
"""
import argparse
import copy
import math
import os
import random

import torch

from . import diffusion as D
from . import transformer as TR
from .runtime import Ranks, add_run_arguments, autocast, pick_device, prepare, save_atomic
from .text_encoder import TextEncoder
from .train_transformer import Shards, channel_weights, optimizers


@torch.no_grad()
def teacher_paths(teacher, x0, context, uncond, steps, teacher_steps, guidance, shift, known_frames, device, jitter=0.0):
    """-> f32 [B, steps + 1, C, F, h, w] (f16 would round short steps away): the teacher's latents at the student's sigmas; those sigmas [steps + 1].

    Every student piece takes teacher_steps / steps Euler steps, spaced evenly in the unshifted time.
    """
    inner = max(1, teacher_steps // steps)
    noise, trace, sigmas = torch.randn_like(x0), [], D.sigma_schedule(steps * inner, shift, jitter).to(device)
    with autocast(device):
        D.sample(teacher, context, uncond, noise, guidance=guidance, known=x0, known_frames=known_frames, trace=trace, sigmas=sigmas)
    return torch.stack(trace[::inner], 1), sigmas[::inner]


def random_known(frames, share=0.3):
    """Which frames are given in one batch of paths -> [F] of 0 and 1."""
    known = torch.zeros(frames)
    if frames > 1 and random.random() < share:
        kind = random.choice(["first", "first", "last", "ends", "half"])
        known[0] = kind in ("first", "ends", "half")
        known[-1] = kind in ("last", "ends")
        if kind == "half":
            known[: (frames + 1) // 2] = 1
    return known


@torch.no_grad()
def held_distance(model, held, channels, device):
    """Mean squared distance between the ends of held-out paths and what `model` draws from their noise in as many steps, channels weighted."""
    total = 0.0
    for path, sigmas, context, free in held:
        with autocast(device):
            end = D.sample(model, context, context, path[:, 0], guidance=1.0, known=path[:, -1], known_frames=1 - free, sigmas=sigmas)
        total += ((end - path[:, -1]).square() * channels * free.view(1, 1, -1, 1, 1)).mean().item()
    return total / len(held)


def main(argv=None):
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--work", required=True, help="folder of the trained transformer (transformer.safetensors)")
    p.add_argument("--clips", required=True, help="shards: captions, and latents for given frames")
    p.add_argument("--text-encoder", required=True)
    p.add_argument("--out", required=True)
    p.add_argument("--steps", type=int, default=4)
    p.add_argument("--teacher-steps", type=int, default=20)
    p.add_argument("--guidance", type=float, default=4.0)
    p.add_argument("--shift", type=float, default=6.0)
    p.add_argument("--jitter", type=float, default=0.0, help="share of a step by which noise levels are moved at random; needs --teacher-steps equal to --steps")
    p.add_argument("--batch", type=int, default=6)
    p.add_argument("--pool", type=int, default=1500, help="paths kept")
    p.add_argument("--held", type=int, default=4, help="batches of paths kept for the held-out distance")
    p.add_argument("--channel-power", type=float, default=1.0, help="weight of a latent channel in the loss: its deviation to this power")
    p.add_argument("--first", type=int, default=96, help="paths made before the first step")
    p.add_argument("--renew", type=float, default=0.4, help="paths made per training sample")
    p.add_argument("--lr", type=float, default=2e-4)
    p.add_argument("--muon-lr", type=float, default=0.0, help="> 0: Muon for the blocks' matrices (train_transformer.py)")
    p.add_argument("--ema", type=float, default=0.998)
    p.add_argument("--compile", action="store_true", help="compile the blocks (a C++ compiler on a CPU; a quarter less time a step)")
    add_run_arguments(p, 7200)
    a = p.parse_args(argv)
    if a.jitter and a.teacher_steps != a.steps:
        p.error("--jitter needs --teacher-steps equal to --steps: only the velocity itself is the same whatever the next noise level")
    run = prepare(a, os.path.join(a.out, "distil.jsonl"))
    os.makedirs(a.out, exist_ok=True)
    device, path = pick_device(), os.path.join(a.out, "distil.ckpt")
    empty = TextEncoder(a.text_encoder).contexts([""])[0].to(device)
    data = Shards(a.clips, empty, device, dropout=0.05)
    teacher = TR.load(os.path.join(a.work, "transformer.safetensors"), os.path.join(a.work, "transformer_config.json")).to(device)
    student = copy.deepcopy(teacher).requires_grad_(True)
    ema = copy.deepcopy(teacher)
    params = list(student.parameters())
    opts = optimizers(student, a.lr, a.muon_lr, decay=0.0)
    if os.path.exists(path):
        s = torch.load(path, map_location=device)
        student.load_state_dict(s["student"]), ema.load_state_dict(s["ema"])
        for o, one in zip(opts, s["opts"]):
            o.load_state_dict(one)
        run.step, run.spent = s["step"], s["spent"]
    ranks = Ranks(params)
    torch.manual_seed(a.seed + run.step + 7919 * ranks.rank), random.seed(a.seed + run.step + 7919 * ranks.rank)
    if ranks.rank:
        run.log = lambda **values: None
    if a.compile:
        TR.compile_blocks(teacher), TR.compile_blocks(student)
    channels = channel_weights(data, a.channel_power).view(1, -1, 1, 1, 1)
    pool, turn, owed, average = [], 0, float(a.first), None  # pool of (path, sigmas, context, free)

    def new_paths(known, jitter=a.jitter):
        x0, context, *_ = data.batch(a.batch)
        return *teacher_paths(teacher, x0, context, empty.expand_as(context), a.steps, a.teacher_steps, a.guidance, a.shift, known, device, jitter), context

    frames = next(iter(data.parts.values()))["latents"].shape[2]
    state = random.getstate(), torch.get_rng_state()
    random.seed(1009), torch.manual_seed(1009)  # the same held-out paths after a restart
    held = [] if ranks.rank else [(*new_paths(known, 0.0), 1 - known) for known in (random_known(frames).to(device) for _ in range(a.held))]
    random.setstate(state[0]), torch.set_rng_state(state[1])
    unguided = held_distance(teacher, held, channels, device) if held else None

    def store():
        if ranks.rank:
            return
        save_atomic({"student": student.state_dict(), "ema": ema.state_dict(), "opts": [o.state_dict() for o in opts], "step": run.step, "spent": run.spent}, path)
        TR.save(ema.state_dict(), teacher.config, os.path.join(a.out, "transformer.safetensors"), os.path.join(a.out, "transformer_config.json"))
        if held:
            run.log(held=held_distance(ema, held, channels, device) / unguided)

    run.restart_clock()
    for step in run:
        while owed >= a.batch:
            known = random_known(frames).to(device)
            paths, sigmas, context = new_paths(known)
            for q, c in zip(paths, context):
                item = (q, sigmas, c.to(torch.float16), 1 - known)
                if len(pool) < a.pool:
                    pool.append(item)
                else:
                    pool[turn % a.pool] = item
                turn += 1
            owed -= a.batch
        owed += a.renew * a.batch
        chosen = random.choices(pool, k=a.batch)
        k = torch.randint(a.steps, (a.batch,)).tolist()
        x, target = (torch.stack([c[0][i + n] for c, i in zip(chosen, k)]) for n in (0, 1))
        sigma, following = (torch.stack([c[1][i + n] for c, i in zip(chosen, k)]) for n in (0, 1))
        context, free = torch.stack([c[2] for c in chosen]).float(), torch.stack([c[3] for c in chosen])
        step_size = (following - sigma).view(-1, 1, 1, 1, 1)
        gate = free.view(a.batch, 1, -1, 1, 1)
        with autocast(device):
            v = student(x, sigma[:, None] * free, context)
        loss = ((v.float() - (target - x) / step_size) * gate).square().mul(channels).mean()
        for g in (g for o in opts for g in o.param_groups):
            g["lr"] = g["base"] * min(1, (step + 1) / 100) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * run.progress)))
        ranks.zero_grad()
        loss.backward()
        ranks.average(run)
        torch.nn.utils.clip_grad_norm_(params, 1.0)
        for o in opts:
            o.step()
        with torch.no_grad():
            torch._foreach_lerp_(list(ema.parameters()), params, 1 - min(a.ema, (1 + step) / (10 + step)))
        average = loss.item() if average is None else 0.97 * average + 0.03 * loss.item()
        if step % 25 == 24:
            run.log(loss=average, paths=len(pool), lr=opts[0].param_groups[0]["lr"])
        if run.due():
            store()
    store()


if __name__ == "__main__":
    main()
