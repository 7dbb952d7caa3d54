"""Trains storybook on one GPU within a budget of seconds, in one or several calls, and packs the results into small files.

  python training/run_on_gpu.py --assets assets.pt --text-encoder minilm --work work --out results --total 1650 --seconds 560

Call it again with the same --work to go on: every phase keeps its own clock and checkpoint.  `--total` is divided among the
phases; `--seconds` is when this call stops (default: all of it).  The first seconds test how fast candidate sizes train and take
the largest that sees enough clips.  Whatever exists when a call ends is exported to --out as pieces of at most 16 MiB, 64 MiB
in all, the most wanted first; `--join FOLDER` puts pieces together again.
It also runs on a CPU (slowly): `--total 120 --tiny` rehearses it.
"""
import argparse
import json
import os
import shutil
import sys
import time

import torch

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from storybook import bundle, distil, encode, judge, train_autoencoder, train_transformer, transformer  # noqa: E402
from storybook.assets import load_assets  # noqa: E402
from storybook.renderer import Renderer  # noqa: E402
from storybook.runtime import autocast, pick_device  # noqa: E402
from storybook.world import World  # noqa: E402

PIECE, LIMIT, MOST_FILES = 16 * 2 ** 20, 64 * 2 ** 20, 8
SHARES = {"autoencoder": 0.26, "stills": 0.03, "clips": 0.09, "transformer": 0.40, "distil": 0.14, "judge": 0.08}
# (heads, layers): at most 22 M parameters, so that all of the model stays under 64 MB with MiniLM as Q8_0 and results fit as f16
SIZES = [(6, 8), (6, 6), (5, 6), (4, 6), (4, 4)]


def training_rate(heads, layers, channels, frames, grid, batch, device, seconds=4.0):
    """Clips a second in training steps of this size."""
    model = transformer.Transformer(transformer.make_config(layers, heads, channels)).to(device)
    opt = torch.optim.AdamW(model.parameters(), lr=1e-4)
    x, s, c = torch.randn(batch, channels, frames, grid, grid, device=device), torch.rand(batch, frames, device=device), torch.randn(batch, 48, 384, device=device)
    sync = torch.cuda.synchronize if device.type == "cuda" else (lambda: None)
    done, start = 0, None
    while start is None or time.time() - start < seconds:
        with autocast(device):
            loss = model(x, s, c).float().square().mean()
        opt.zero_grad(), loss.backward(), opt.step()
        sync()
        if start is None:  # the first step warms up
            start = time.time()
        else:
            done += batch
    return done / (time.time() - start)


def choose_size(seconds, wanted, batch, frames, grid, device):
    """The largest size that sees `wanted` clips in the time (the smallest if none does)."""
    rates = {}
    for heads, layers in SIZES:
        rates[f"{heads}x{layers}"] = round(training_rate(heads, layers, 48, frames, grid, batch, device, min(4.0, seconds / 60)), 1)
        if rates[f"{heads}x{layers}"] * seconds >= wanted:
            break
    print("throughput test, clips/s:", rates, flush=True)
    return {"heads": heads, "layers": layers, "rates": rates}


class Call:
    """One call's clock: hands each phase what is left of it."""

    def __init__(self, seconds):
        self.end = time.time() + seconds

    @property
    def left(self):
        return self.end - time.time()


def shards_within(budget, call, state, key, save, argv, shards):
    """Makes shards until the phase's seconds are used up; what was made stays."""
    while state.get(key, 0.0) < budget and call.left > 5 and state.get(key + "_count", 0) < shards:
        start = time.time()
        encode.main(argv + ["--shards", "1", "--first", str(state.get(key + "_count", 0))])
        state[key] = state.get(key, 0.0) + time.time() - start
        state[key + "_count"] = state.get(key + "_count", 0) + 1
        save()
    return state.get(key, 0.0) >= budget or state.get(key + "_count", 0) >= shards


def export(work, out, assets, text, subjects, frames):
    """Pieces of what exists, the most wanted first: student and autoencoder, reports, judge, teacher."""
    os.makedirs(out, exist_ok=True)
    for old in os.listdir(out):
        os.remove(os.path.join(out, old))
    distilled = os.path.exists(os.path.join(work, "distilled", "transformer.safetensors"))
    source = os.path.join(work, "distilled") if distilled else work
    wanted = [(source, "transformer.safetensors"), (work, "autoencoder.safetensors")]
    small = [(source, "transformer_config.json"), (work, "autoencoder_config.json"), (work, "evaluation.json"), (work, "state.json"), (work, "autoencoder.jsonl"),
             (work, "transformer.jsonl"), (os.path.join(work, "distilled"), "distil.jsonl"), (work, "judge.jsonl")]
    texts = {name: open(os.path.join(folder, name)).read() for folder, name in small if os.path.exists(os.path.join(folder, name))}
    json.dump(texts, open(os.path.join(out, "texts.json"), "w"))
    used, files = os.path.getsize(os.path.join(out, "texts.json")), 1
    extra = [(work, "judge.pt")] + ([(work, "transformer.safetensors")] if distilled else [])
    for folder, name in wanted + extra:
        path = os.path.join(folder, name)
        if not os.path.exists(path):
            continue
        size = os.path.getsize(path)
        pieces = -(-size // PIECE)
        if used + size > LIMIT or files + pieces > MOST_FILES:
            print(f"left out of the results: {name} ({size / 2 ** 20:.1f} MiB)")
            continue
        label = name if (folder, name) in wanted else f"extra-{name}"
        with open(path, "rb") as f:
            for i in range(pieces):
                with open(os.path.join(out, f"{label}.{i:02d}"), "wb") as piece:
                    piece.write(f.read(PIECE))
        used, files = used + size, files + pieces
    print(f"results: {files} files, {used / 2 ** 20:.1f} MiB", flush=True)


def join(folder):
    """Puts pieces and texts together again, beside them."""
    for name in sorted(os.listdir(folder)):
        stem, _, number = name.rpartition(".")
        if number == "00":
            with open(os.path.join(folder, stem), "wb") as whole:
                for piece in sorted(n for n in os.listdir(folder) if n.rpartition(".")[0] == stem and n.rpartition(".")[2].isdigit()):
                    with open(os.path.join(folder, piece), "rb") as f:
                        shutil.copyfileobj(f, whole)
    for name, text in json.load(open(os.path.join(folder, "texts.json"))).items():
        with open(os.path.join(folder, name), "w") as f:
            f.write(text)


def main(argv=None):
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--assets")
    p.add_argument("--text-encoder")
    p.add_argument("--work")
    p.add_argument("--out")
    p.add_argument("--total", type=float, default=1650, help="seconds of all calls together")
    p.add_argument("--seconds", type=float, help="seconds of this call")
    p.add_argument("--subjects", default="all")
    p.add_argument("--frames", type=int, default=25)
    p.add_argument("--wanted", type=int, default=700000, help="clips that the transformer should see")
    p.add_argument("--tiny", action="store_true", help="small batches and models, to rehearse")
    p.add_argument("--join", metavar="FOLDER")
    a = p.parse_args(argv)
    if a.join:
        return join(a.join)
    os.makedirs(a.work, exist_ok=True)
    device, call, at = pick_device(), Call(a.seconds or a.total), lambda *q: os.path.join(a.work, *q)
    torch.set_float32_matmul_precision("high")
    state_path = at("state.json")
    state = json.load(open(state_path)) if os.path.exists(state_path) else {}

    def save():
        json.dump(state, open(state_path, "w"))

    size = load_assets(a.assets)["size"]
    seconds = {k: a.total * v for k, v in SHARES.items()}
    batch = 4 if a.tiny else 96
    if "size" not in state:
        state["size"] = choose_size(seconds["transformer"] * 0.6, 1 if a.tiny else a.wanted, batch, (a.frames + 3) // 4, size // 8, device)
        if a.tiny:
            state["size"].update(heads=1, layers=2)
        save()
    reserve = 15 if a.total > 300 else 3  # for exporting
    stop = lambda: ["--stop-after", str(max(1.0, call.left - reserve))]
    over = lambda: call.left < reserve + 2
    common = ["--work", a.work, "--assets", a.assets, "--subjects", a.subjects]
    shape = ["--batch", "4", "--frames", "5", "--pool", "60", "--first", "60", "--held", "4", "--fresh", "0", "--latent", "48", "--encoder-width", "16", "--decoder-width", "32", "--decoder-blocks", "1"] if a.tiny else \
        ["--batch", "24", "--frames", "13", "--pool", "12000", "--first", "3000", "--fresh", "24", "--held", "48", "--encoder-width", "192", "--decoder-width", "256", "--lr", "1e-3"]

    def phase(name, done, run):
        if not state.get(name + "_done") and not over():
            print(f"== {name}, {call.left:.0f} s left in this call", flush=True)
            run()
            if done():
                state[name + "_done"] = True
                save()
        return state.get(name + "_done", False)

    finished = lambda log, key, share=1.0: (lambda: os.path.exists(at(log)) and json.loads(open(at(log)).read().strip().splitlines()[-1])["spent_s"] >= share * seconds[key] - 1)
    encoder = ["--assets", a.assets, "--autoencoder", a.work, "--text-encoder", a.text_encoder, "--subjects", a.subjects]
    go = phase("autoencoder", finished("autoencoder.jsonl", "autoencoder"), lambda: train_autoencoder.main(common + shape + ["--seconds", str(seconds["autoencoder"])] + stop()))
    for name, frames, clips, most in (("stills", 1, 32 if a.tiny else 4000, 2 if a.tiny else 30), ("clips", a.frames, 16 if a.tiny else 1000, 2 if a.tiny else 120)):
        argv_ = encoder + ["--out", at(name), "--frames", str(frames), "--clips", str(clips), "--calm", "0.7" if frames == 1 else "0.4", "--batch", str(8 if a.tiny else 512 if frames == 1 else 48)]
        go = go and (state.get(name + "_done") or (shards_within(seconds[name], call, state, name, save, argv_, most) and state.update({name + "_done": True}) is None))
        save()
    if go:
        scale = ["--still-batch", "16", "--clip-batch", "4"] if a.tiny else ["--still-batch", "384", "--clip-batch", "96", "--muon-lr", "0.002", "--lr", "1.5e-3", "--compile"]
        go = phase("transformer", finished("transformer.jsonl", "transformer"), lambda: train_transformer.main(
            ["--stills", at("stills"), "--clips", at("clips"), "--text-encoder", a.text_encoder, "--work", a.work, "--heads", str(state["size"]["heads"]), "--layers", str(state["size"]["layers"]),
             "--still-seconds", str(0.4 * seconds["transformer"]), "--seconds", str(seconds["transformer"])] + scale + stop()))
    if go:
        few = ["--batch", "4", "--first", "8", "--steps", "2", "--teacher-steps", "4"] if a.tiny else ["--batch", "64", "--first", "4096", "--pool", "12000", "--steps", "4"]
        go = phase("distil", finished(os.path.join("distilled", "distil.jsonl"), "distil"), lambda: distil.main(
            ["--work", a.work, "--clips", at("clips"), "--text-encoder", a.text_encoder, "--out", at("distilled"), "--seconds", str(seconds["distil"])] + few + stop()))
    if go:
        few = ["--first", "64", "--pool", "200", "--test", "32", "--batch", "16"] if a.tiny else ["--batch", "128", "--fresh", "8", "--first", "4000", "--pool", "40000", "--test", "800"]
        go = phase("judge", finished("judge.jsonl", "judge", 0.7), lambda: judge.main(["train"] + common + ["--frames", str(a.frames), "--seconds", str(seconds["judge"] * 0.7)] + few + stop()))
    if os.path.exists(at("judge.pt")) and os.path.exists(at("distilled", "transformer.safetensors")) and not over():
        renderer = Renderer(load_assets(a.assets), a.frames, device)
        bundle.export(at("distilled"), at("bundle"), World(a.subjects), renderer, steps=2 if a.tiny else 4, guidance=1.0, autoencoder=a.work)
        judge.main(["score", "--work", a.work, "--assets", a.assets, "--text-encoder", a.text_encoder, "--bundle", at("bundle"), "--count", "4" if a.tiny else "100", "--out", at("evaluation.json")])
    export(a.work, a.out, a.assets, a.text_encoder, a.subjects, a.frames)


if __name__ == "__main__":
    main()
