"""Does a clip show its prompt?  Nearest rendering: reads every attribute back without a trained judge.

  python -m storybook.match --assets work/assets.pt --bundle bundle --text-encoder minilm --subjects few --prompts 100 --out evaluation.json

Prompts are scenes on the latent grid (world.py: `on_grid`), where a caption fixes everything but which drawing of the place stands behind,
in five sets: calm (one subject that stands or travels, a camera at rest, clear weather, the flat look), vocabulary (everything that the
world has), wording (words that training never shows), combinations (pairs that training never shows), calm-wording (calm ones in words that
training never shows).

A generated clip is held against renderings of its prompt: first with every drawing of the scenery, then, one attribute at a time, with every
value that this attribute may have and all others as told.  The rendering with the smallest squared error says what the clip
shows.  `ceiling` is the same count on rendered clips that went through the autoencoder, `chance` that of guessing.
It can't tell a clip that shows the right thing somewhere else: of weights trained off the grid it says less than they show.

`--write-prompts` writes the sets as JSON rows (set, prompt, spec) and ends; `--read-prompts` takes them from there, worded anew or not.
`--clips` judges what another engine made of those rows, in their order (safetensors, `frames` u8 [N, T, 3, S, S]).
"""
import argparse
import json
import random

import torch
from safetensors.torch import load_file

from . import vocabulary as V
from .assets import load_assets
from .bundle import Bundle
from .captions import caption
from .judge import conditioning, prompt_sets
from .renderer import Renderer
from .runtime import autocast
from .subjects import SUBJECTS
from .world import World


def render(renderer, specs, frames, batch=24):
    """-> [N, frames, 3, S, S] in [0, 1]"""
    pick = torch.tensor([frames])
    return torch.cat([renderer.render(specs[i:i + batch], pick.expand(len(specs[i:i + batch]), -1))[0] for i in range(0, len(specs), batch)]).float() / 255


def alternatives(spec, subjects):
    """{attribute: [(value, spec with it)]} of all that each attribute might have been.  Time and weather indoors are none."""
    told = spec["subjects"][0]
    put = lambda **new: {**spec, "subjects": [{**told, **new}]}
    info, outdoors = SUBJECTS[told["id"]], V.PLACES[spec["place"]][2]
    return {
        "subject": [(id, put(id=id, colour=colour)) for id in subjects for colour in {None, told["colour"]}
                    if colour is None or (SUBJECTS[id].paintable and colour != SUBJECTS[id].colour)],
        "motion": [(motion, put(motion=motion)) for motion in V.KIND_MOTIONS[info.kind]],
        "place": [(place, {**spec, "place": place}) for place in V.PLACE_IDS],
        **({"time": [(time, {**spec, "time": time}) for time in V.TIME_IDS],
            "weather": [(weather, {**spec, "weather": weather}) for weather in V.WEATHER_IDS]} if outdoors else {}),
        "camera": [(camera, {**spec, "camera": camera}) for camera in V.CAMERA_IDS],
        "look": [(look, {**spec, "look": look}) for look in V.LOOK_IDS],
    }


def told(spec):
    subject = spec["subjects"][0]
    return {"subject": subject["id"], "motion": subject["motion"], **{k: spec[k] for k in ("place", "time", "weather", "camera", "look")}}


def nearest(clip, spec, renderer, subjects, frames):
    """clip [frames, 3, S, S] in [0, 1] -> {attribute: value of the nearest rendering}."""
    middle, drawings = len(frames) // 2, renderer.sceneries(spec)

    def closest(options, capped=False):
        """Index of the nearest; all drawings of a scenery are compared in one frame."""
        part = slice(middle, middle + 1) if len(options) >= len(drawings) > 1 else slice(None)
        each = (render(renderer, options, frames[part]) - clip[part]).square().mean(2)  # [N, frames, S, S]
        return int((each.clamp(max=0.02) if capped else each).mean((1, 2, 3)).argmin())

    on_grid = {**spec, "on_grid": True}
    scenery = drawings[closest([{**on_grid, "seed": seed} for seed in drawings], capped=True)]  # capped: the subject may differ
    found = {}
    for attribute, options in alternatives({**on_grid, "seed": scenery}, subjects).items():
        if attribute in ("place", "time"):
            options = [(value, {**s, "seed": seed}) for value, s in options for seed in drawings]
        found[attribute] = options[closest([s for _, s in options])][0]
    return found


def score(specs, clips, renderer, subjects, frames):
    """clips [N, frames, 3, S, S] -> {attribute: share told right, direction: of those that travel, mean: over the attributes}"""
    found = [nearest(c, s, renderer, subjects, frames) for c, s in zip(clips, specs)]
    right = {k: [f[k] == told(s)[k] for f, s in zip(found, specs) if k in f] for k in told(specs[0])}
    result = {k: sum(v) / len(v) for k, v in right.items() if v}
    mean = sum(result.values()) / len(result)
    travel = [r for r, s in zip(right["motion"], specs) if told(s)["motion"] in V.SIDES]
    return {k: round(v, 3) for k, v in {**result, "direction": sum(travel) / max(1, len(travel)), "mean": mean}.items()}


def chance(specs, subjects):
    """What guessing scores."""
    counts = [{k: len({value for value, _ in options}) for k, options in alternatives(s, subjects).items()} for s in specs]
    each = {k: [1 / c[k] for c in counts if k in c] for k in told(specs[0])}
    return {k: round(sum(v) / len(v), 3) for k, v in each.items() if v}


def evaluation_sets(subjects, count, seed=4242):
    """{set: [(spec, prompt)]}, `count` each"""
    rng = random.Random(seed)
    calm = World(subjects, calm=1.0, grid=1.0).specs(seed, count)
    sets = {"calm": [(s, caption(s, rng, full=True)) for s in calm], **prompt_sets(World(subjects, grid=1.0), count, seed),
            "calm-wording": [(s, caption(s, rng, full=True, unseen=True)) for s in calm]}
    del sets["two"]  # subjects side by side don't keep to the grid
    return sets


@torch.no_grad()
def evaluate(bundle, renderer, world, sets, steps=None, guidance=None, ceiling=True, clips=None):
    """-> {set: {generated, ceiling, chance}}, printed as it comes.  clips u8 [N, T, 3, S, S]: judged instead of the bundle's own."""
    total, report = bundle.info["defaults"]["frames"], {}
    frames = [0, total // 3, 2 * total // 3, total - 1]
    for name, rows in sets.items():
        specs = [s for s, _ in rows]
        if clips is not None:
            made, clips = clips[:len(rows), frames].float() / 255, clips[len(rows):]
        with autocast(bundle.device):
            if clips is None:
                made = torch.cat([bundle.generate([c for _, c in rows[i:i + 8]], steps, guidance, seed=i)[1][:, frames].float() for i in range(0, len(rows), 8)])
            coded = [bundle.autoencoder.decode(bundle.autoencoder.encode(renderer.render(specs[i:i + 8])[0].float() / 255)).clamp(0, 1)[:, frames].float() for i in range(0, len(specs), 8)] if ceiling else []
        report[name] = {"generated": score(specs, made, renderer, world.ids, frames), "chance": chance(specs, world.ids)}
        if coded:
            report[name]["ceiling"] = score(specs, torch.cat(coded), renderer, world.ids, frames)
        print(name, json.dumps(report[name]), flush=True)
    return report


def main(argv=None):
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--assets", required=True)
    p.add_argument("--bundle", required=True, help="what to judge; with --clips only its sizes and its autoencoder (the ceiling) count")
    p.add_argument("--text-encoder", required=True)
    p.add_argument("--subjects", default="core")
    p.add_argument("--prompts", type=int, default=100, help="of each set")
    p.add_argument("--sets", default="calm,vocabulary,wording,combinations,calm-wording")
    p.add_argument("--no-ceiling", action="store_true", help="generated clips only")
    p.add_argument("--given", type=int, default=16, help="clips for given frames and loops; 0: leave them out")
    p.add_argument("--seed", type=int, default=4242)
    p.add_argument("--write-prompts", metavar="FILE")
    p.add_argument("--read-prompts", metavar="FILE")
    p.add_argument("--clips", metavar="FILE")
    p.add_argument("--steps", type=int)
    p.add_argument("--guidance", type=float)
    p.add_argument("--threads", type=int)
    p.add_argument("--out")
    a = p.parse_args(argv)
    if a.threads:
        torch.set_num_threads(a.threads)
    if a.read_prompts:
        rows = json.load(open(a.read_prompts))
        sets = {name: [(r["spec"], r["prompt"]) for r in rows if r["set"] == name] for name in dict.fromkeys(r["set"] for r in rows)}
    else:
        sets = evaluation_sets(a.subjects, a.prompts, a.seed)
        sets = {name: sets[name] for name in a.sets.split(",")}
    if a.write_prompts:
        json.dump([{"set": name, "prompt": caption, "spec": spec} for name, rows in sets.items() for spec, caption in rows], open(a.write_prompts, "w"), indent=1)
        return
    bundle, world = Bundle(a.bundle, a.text_encoder), World(a.subjects)
    renderer = Renderer(load_assets(a.assets), bundle.info["defaults"]["frames"])
    clips = load_file(a.clips)["frames"] if a.clips else None
    if clips is not None and len(clips) != sum(map(len, sets.values())):
        raise SystemExit(f"{a.clips} has {len(clips)} clips, not one for each of the {sum(map(len, sets.values()))} prompts")
    report = {"prompts_per_set": {name: len(rows) for name, rows in sets.items()}, "steps": a.steps or bundle.info["defaults"]["steps"], "guidance": bundle.info["defaults"]["guidance"] if a.guidance is None else a.guidance,
              "sets": evaluate(bundle, renderer, world, sets, a.steps, a.guidance, not a.no_ceiling, clips)}
    if a.given and clips is None:
        report["conditioning"] = conditioning(bundle, renderer, world, a.given, a.steps, a.guidance)
        print(json.dumps(report["conditioning"]), flush=True)
    if a.out:
        json.dump(report, open(a.out, "w"), indent=1)


if __name__ == "__main__":
    main()
