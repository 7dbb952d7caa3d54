"""Which rendered clip is a generated clip nearest to?  Tells subjects and directions without a trained judge.

  python -m storybook.match --assets work/assets.pt --bundle bundle --text-encoder minilm --subjects few --prompts 100

Prompts are calm scenes on the latent grid (world.py: `calm`, `on_grid`), where a caption fixes everything but the scenery's
variant.  Each generated clip is held against renderings of its told place and time: first the scenery, then every subject of the world
(in its own colour and in the told one) standing, going left and going right.  The rendering with the smallest squared error over
four frames says what the clip shows.  Chance is 1 / subjects and 1 / 3.  The ceiling is the same count on rendered clips that went through the autoencoder.
It can't tell a clip that shows the right thing somewhere else: of weights trained off the grid it says less than they show.
"""
import argparse
import json
import random

import torch

from .assets import load_assets
from .bundle import Bundle
from .captions import caption
from .renderer import Renderer
from .subjects import SUBJECTS
from .vocabulary import KIND_MOTIONS
from .world import World

MOTIONS = ("still", "left", "right")
SCENERIES = 40  # seeds; each has one of 3 variants in one of 3 places


def render(renderer, specs, frames, batch=24):
    """-> [N, frames, 3, S, S] in [0, 1]"""
    pick = torch.tensor([frames])
    return torch.cat([renderer.render(specs[i:i + batch], pick.expand(len(specs[i:i + batch]), -1))[0] for i in range(0, len(specs), batch)]).float() / 255


def nearest(clip, spec, renderer, subjects, frames):
    """clip [frames, 3, S, S] in [0, 1] -> (subject id, motion) of the nearest rendering."""
    told = spec["subjects"][0]
    sceneries = [{**spec, "seed": seed} for seed in range(SCENERIES)]
    each = (render(renderer, sceneries, frames) - clip).square().mean(2)  # [N, frames, S, S]
    scenery = int(each.clamp(max=0.02).mean((1, 2, 3)).argmin())  # capped: subjects may differ
    drawn = [{"id": id, "colour": colour, "motion": motion, "size": "normal"} for id in subjects
             for colour in {None, told["colour"]} if colour is None or (SUBJECTS[id].paintable and colour != SUBJECTS[id].colour)
             for motion in MOTIONS if motion in KIND_MOTIONS[SUBJECTS[id].kind]]
    candidates = render(renderer, [{**spec, "seed": scenery, "subjects": [d]} for d in drawn], frames)
    best = drawn[int((candidates - clip).square().mean((1, 2, 3, 4)).argmin())]
    return best["id"], best["motion"]


def score(specs, clips, renderer, subjects, frames):
    """clips [N, frames, 3, S, S] -> {attribute: share told right}"""
    found = [nearest(c, s, renderer, subjects, frames) for c, s in zip(clips, specs)]
    told = [(s["subjects"][0]["id"], s["subjects"][0]["motion"]) for s in specs]
    share = lambda right: round(sum(right) / len(specs), 3)
    moving = [i for i, t in enumerate(told) if t[1] != "still"]
    return {"subject": share(f[0] == t[0] for f, t in zip(found, told)), "motion": share(f[1] == t[1] for f, t in zip(found, told)),
            "both": share(f == t for f, t in zip(found, told)),
            "direction": round(sum(found[i][1] == told[i][1] for i in moving) / max(1, len(moving)), 3)}


@torch.no_grad()
def main(argv=None):
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--assets", required=True)
    p.add_argument("--bundle", required=True)
    p.add_argument("--text-encoder", required=True)
    p.add_argument("--subjects", default="core")
    p.add_argument("--prompts", type=int, default=100)
    p.add_argument("--seed", type=int, default=9700001)
    p.add_argument("--steps", type=int)
    p.add_argument("--guidance", type=float)
    p.add_argument("--threads", type=int)
    a = p.parse_args(argv)
    if a.threads:
        torch.set_num_threads(a.threads)
    bundle, world = Bundle(a.bundle, a.text_encoder), World(a.subjects, calm=1.0, grid=1.0)
    total = bundle.info["defaults"]["frames"]
    renderer, frames = Renderer(load_assets(a.assets), total), [0, total // 3, 2 * total // 3, total - 1]
    specs, rng = world.specs(a.seed, a.prompts), random.Random(a.seed)
    coded = []
    for i in range(0, len(specs), 8):
        x = renderer.render(specs[i:i + 8])[0].float() / 255
        coded.append(bundle.autoencoder.decode(bundle.autoencoder.encode(x)).clamp(0, 1)[:, frames])
    print("ceiling", json.dumps(score(specs, torch.cat(coded), renderer, world.ids, frames)), flush=True)
    made = bundle.generate([caption(s, rng, full=True) for s in specs], a.steps, a.guidance, a.seed)[1]
    print("generated", json.dumps(score(specs, made[:, frames], renderer, world.ids, frames)), flush=True)


if __name__ == "__main__":
    main()
