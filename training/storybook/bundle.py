"""Writes and reads a model folder: weights f16, configs, model.json, vocabulary.json; samples from it.

  python -m storybook.bundle --work work --text-encoder minilm --out out

`model.json` holds what the engine needs beside the weights: defaults, text conditioning, the linear latent -> RGB map for
previews.  `vocabulary.json` says in words what the model has been trained on.
"""
import argparse
import json
import os
import shutil

import torch
import torch.nn.functional as F

from .assets import load_assets
from . import autoencoder as AE
from . import diffusion as D
from . import transformer as TR
from . import vocabulary as V
from .renderer import Renderer
from .subjects import COLOURS, SUBJECTS
from .text_encoder import TEXT_LEN, TextEncoder
from .world import World


def vocabulary(world: World) -> dict:
    """What the model knows, in words: group -> id -> phrases of the training captions (the page's `Vocabulary`)."""
    seen = lambda table: {k: list(v[0]) for k, v in table.items()}
    kinds = {SUBJECTS[i].kind for i in world.ids}
    motions = {k: list(v[0]) if v else [f"{verb} {side}" for kind in sorted(kinds) for verb in V.SIDEWAYS[kind][0] for side in V.SIDES[k][0]] for k, v in V.MOTIONS.items()}
    return {"subjects": {i: list(SUBJECTS[i].names) for i in world.ids}, "colours": {c: [c] for c in COLOURS}, "sizes": seen(V.SIZES), "places": seen(V.PLACES),
            "times": seen(V.TIMES), "weather": seen(V.WEATHERS), "motions": motions, "cameras": seen(V.CAMERAS), "looks": seen(V.LOOKS), "relations": seen(V.RELATIONS)}


@torch.no_grad()
def latent_rgb(model, renderer, world, clips=24):
    """Least squares map from latents to the mean colour of their 4 frames x 8 x 8 pixels -> matrix [3][C], bias [3], R2."""
    xs, ys = [], []
    for i in range(0, clips, 6):
        x = renderer.render(world.specs(770000 + i, 6))[0].to(renderer.device).float() / 255
        z = model.encode(x)
        lead = torch.cat([x[:, :1].expand(-1, model.pad, -1, -1, -1), x], 1)
        mean = F.avg_pool2d(lead.flatten(0, 1), 8).view(len(x), -1, 4, 3, *z.shape[-2:]).mean(2)
        xs.append(z.permute(0, 1, 3, 4, 2).flatten(0, 3)), ys.append(mean.permute(0, 1, 3, 4, 2).flatten(0, 3))
    x, y = torch.cat(xs).double().cpu(), torch.cat(ys).double().cpu()
    x1 = torch.cat([x, torch.ones(len(x), 1, dtype=x.dtype)], 1)
    w = torch.linalg.lstsq(x1, y).solution
    r2 = 1 - ((x1 @ w - y).square().sum() / (y - y.mean(0)).square().sum()).item()
    return [[round(v, 6) for v in row] for row in w[:-1].T.tolist()], [round(v, 6) for v in w[-1].tolist()], r2


def export(work, out, world, renderer, name="storybook-v1", steps=8, guidance=4.0, fps=8, autoencoder=None, shift=6.0):
    """Copies the weights of a work folder into a bundle and writes what belongs to them."""
    os.makedirs(out, exist_ok=True)
    for stem, folder in (("autoencoder", autoencoder or work), ("transformer", work)):
        for f in (f"{stem}.safetensors", f"{stem}_config.json"):
            shutil.copy(os.path.join(folder, f), os.path.join(out, f))
    model = AE.load(os.path.join(out, "autoencoder.safetensors"), os.path.join(out, "autoencoder_config.json")).to(renderer.device)
    matrix, bias, r2 = latent_rgb(model, renderer, world)
    sigma_data = json.load(open(os.path.join(out, "transformer_config.json"))).get("sigma_data")
    json.dump({
        "id": name, "family": "wan", "licence": "MIT (weights), Fluent Emoji art MIT, MiniLM Apache-2.0",
        "transformer": "transformer_config.json", "autoencoder": "autoencoder_config.json",
        "text": {"encoder": "minilm", "states": "last_hidden_state", "length": TEXT_LEN, "padding": "zero rows, no mask", "empty": ""},
        "timesteps": "per latent frame",
        **({"sigmaData": sigma_data} if sigma_data else {}),
        "defaults": {"width": renderer.size, "height": renderer.size, "frames": renderer.frames, "fps": fps, "steps": steps, "guidance": guidance, "shift": shift, "sampler": "euler"},
        "latentRgb": {"note": f"rgb [0,1] of the 4 x 8 x 8 mean = matrix [3][C] x latents + bias; R2 {r2:.3f} on rendered clips", "matrix": matrix, "bias": bias},
    }, open(os.path.join(out, "model.json"), "w"), indent=1)
    json.dump(vocabulary(world), open(os.path.join(out, "vocabulary.json"), "w"), indent=1)


class Bundle:
    """A model folder, loaded: `generate(prompts)` -> latents and frames."""

    def __init__(self, folder, text_folder, device="cpu"):
        at = lambda f: os.path.join(folder, f)
        self.device = torch.device(device)
        self.info = json.load(open(at("model.json")))
        self.transformer = TR.load(at("transformer.safetensors"), at("transformer_config.json")).to(self.device)
        self.autoencoder = AE.load(at("autoencoder.safetensors"), at("autoencoder_config.json")).to(self.device)
        self.text = TextEncoder(text_folder, self.device)

    @torch.no_grad()
    def generate(self, prompts, steps=None, guidance=None, seed=0, batch=8, known=None, known_frames=None):
        """-> latents [N, C, F, h, w], frames [N, 4F-3, 3, H, W] in [0, 1].  Prompt i gets the noise of seed + i."""
        d, cfg = self.info["defaults"], self.autoencoder.config
        shape = (cfg["latent_channels"], (d["frames"] - 1) // 4 + 1, d["height"] // 8, d["width"] // 8)
        latents, frames = [], []
        for i in range(0, len(prompts), batch):
            part = prompts[i:i + batch]
            context = self.text.contexts(part)
            noise = torch.stack([torch.randn(shape, generator=torch.Generator().manual_seed(seed + i + j)) for j in range(len(part))]).to(self.device)
            given = None if known is None else known[i:i + batch].to(self.device)
            z = D.sample(self.transformer, context, self.text.contexts([""]).expand_as(context), noise, steps or d["steps"],
                         d["guidance"] if guidance is None else guidance, d["shift"], given, known_frames)
            latents.append(z), frames.append(self.autoencoder.decode(z.transpose(1, 2)).clamp(0, 1))
        return torch.cat(latents), torch.cat(frames)


def main(argv=None):
    from .sheets import contact_sheet
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--work", required=True)
    p.add_argument("--autoencoder", help="folder of the autoencoder, if not the work folder")
    p.add_argument("--assets", required=True)
    p.add_argument("--text-encoder", required=True)
    p.add_argument("--out", required=True)
    p.add_argument("--subjects", default="core")
    p.add_argument("--steps", type=int, default=8)
    p.add_argument("--guidance", type=float, default=4.0)
    p.add_argument("--frames", type=int, default=25)
    p.add_argument("--prompts", help="text file, a prompt a line: also write a sheet of samples")
    a = p.parse_args(argv)
    renderer = Renderer(load_assets(a.assets), a.frames)
    export(a.work, a.out, World(a.subjects), renderer, steps=a.steps, guidance=a.guidance, autoencoder=a.autoencoder)
    if a.prompts:
        prompts = [line.strip() for line in open(a.prompts) if line.strip()]
        contact_sheet(Bundle(a.out, a.text_encoder).generate(prompts)[1], os.path.join(a.out, "samples.png"), columns=4)


if __name__ == "__main__":
    main()
