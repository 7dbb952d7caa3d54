"""Renders clips, encodes them to latents and their captions to token states; stores both in shards.

  python -m storybook.encode --assets work/assets.pt --autoencoder work --text-encoder minilm --out work/stills --frames 1 --shards 8

Shard (a .pt file): latents f16 [N, C, F, h, w]; cover u8 [N, F, h, w] (share of each cell that subjects fill, x 255);
text f16 [tokens, 384] and offsets i64 [N, K, 2] (start, length) for K captions a clip; specs.  `--frames 1`: one picture of
each clip, as a first latent frame.  Run it again to add the shards that are missing; `--first` numbers them on.
"""
import argparse
import os
import random
import time

import torch
import torch.nn.functional as F

from .assets import load_assets
from .autoencoder import load
from .captions import caption
from .renderer import Renderer
from .runtime import autocast, pick_device, save_atomic
from .text_encoder import TextEncoder
from .world import World


@torch.no_grad()
def encode_specs(specs, renderer, model, frames, generator, batch):
    """-> latents f16 [N, C, F, h, w], cover u8 [N, F, h, w]"""
    device, latents, covers = renderer.device, [], []
    stride = model.config["temporal_factor"]
    for i in range(0, len(specs), batch):
        part = specs[i:i + batch]
        pick = torch.randint(0, renderer.frames, (len(part), 1), generator=generator) if frames == 1 else None
        if pick is not None:  # on the grid the first, as clips begin
            pick *= torch.tensor([[int(not s.get("on_grid", False))] for s in part])
        x, cover = renderer.render(part, pick)
        with autocast(device):
            z = model.encode(x.float() / 255)
        latents.append(z.transpose(1, 2).to(torch.float16).cpu())
        lead = F.pad(cover.transpose(0, 1).flatten(2), (0, 0, 0, 0, stride - 1, 0)).view(-1, stride, len(part), cover[0, 0].numel()).amax(1)
        covers.append((lead.transpose(0, 1).reshape(len(part), -1, *cover.shape[2:]) * 255).to(torch.uint8).cpu())
    return torch.cat(latents), torch.cat(covers)


def encode_captions(specs, text, per_clip, rng, batch=128):
    """-> text f16 [tokens, 384], offsets i64 [N, K, 2]"""
    captions = [caption(s, rng) for s in specs for _ in range(per_clip)]
    order = sorted(range(len(captions)), key=lambda i: len(captions[i]))  # equal lengths together
    states = [None] * len(captions)
    for i in range(0, len(order), batch):
        with autocast(torch.device(text.device)):
            part = text.states([captions[j] for j in order[i:i + batch]])
        for j, s in zip(order[i:i + batch], part):
            states[j] = s.to(torch.float16).cpu()
    lengths = torch.tensor([len(s) for s in states])
    starts = lengths.cumsum(0) - lengths
    return torch.cat(states), torch.stack([starts, lengths], 1).view(len(specs), per_clip, 2)


def make_shard(seed, clips, renderer, world, model, text, frames, per_clip, batch):
    specs = world.specs(seed, clips)
    latents, cover = encode_specs(specs, renderer, model, frames, torch.Generator().manual_seed(seed), batch)
    states, offsets = encode_captions(specs, text, per_clip, random.Random(seed + 1))
    return {"latents": latents, "cover": cover, "text": states, "offsets": offsets, "specs": specs}


def main(argv=None):
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--assets", required=True)
    p.add_argument("--autoencoder", required=True, help="folder with autoencoder.safetensors and autoencoder_config.json")
    p.add_argument("--text-encoder", required=True)
    p.add_argument("--out", required=True)
    p.add_argument("--subjects", default="core")
    p.add_argument("--calm", type=float, default=0.0, help="share of simple pictures (world.py)")
    p.add_argument("--grid", type=float, default=0.0, help="share of single subjects that keep to the latent grid (world.py)")
    p.add_argument("--frames", type=int, default=25, help="frames of a clip; 1 for still pictures")
    p.add_argument("--shards", type=int, default=4)
    p.add_argument("--first", type=int, default=0, help="number of the first shard")
    p.add_argument("--clips", type=int, default=2000, help="per shard")
    p.add_argument("--captions", type=int, default=4, help="per clip")
    p.add_argument("--batch", type=int, default=0)
    p.add_argument("--seed", type=int, default=500000)
    p.add_argument("--threads", type=int)
    a = p.parse_args(argv)
    if a.threads:
        torch.set_num_threads(a.threads)
    os.makedirs(a.out, exist_ok=True)
    device = pick_device()
    model = load(os.path.join(a.autoencoder, "autoencoder.safetensors"), os.path.join(a.autoencoder, "autoencoder_config.json")).to(device, memory_format=torch.channels_last)
    clip_frames = 25 if a.frames == 1 else a.frames
    renderer, text, world = Renderer(load_assets(a.assets), clip_frames, device), TextEncoder(a.text_encoder, device), World(a.subjects, calm=a.calm, grid=a.grid)
    for shard in range(a.first, a.first + a.shards):
        path = os.path.join(a.out, f"shard{shard:04d}.pt")
        if os.path.exists(path):
            continue
        start = time.time()
        seed = a.seed + 2 * shard + (0 if a.frames == 1 else 100000000)
        data = make_shard(seed, a.clips, renderer, world, model, text, a.frames, a.captions, a.batch or (64 if a.frames == 1 else 8))
        save_atomic(data, path)
        done, left = time.time() - start, a.first + a.shards - 1 - shard
        print(f"{path}: {a.clips} clips in {done:.0f} s ({a.clips / done:.1f}/s), eta {left * done:.0f} s", flush=True)


if __name__ == "__main__":
    main()
