"""Times storybook's networks in PyTorch, f32, on the given number of CPU threads: the native baseline of `npm run bench`.

python scripts/bench/pytorch.py --threads 2 --repeats 20

Prints one JSON object: milliseconds per call (the fastest and the median of the repeats) by network. Weights are random: only shapes
matter for time. The transformer is diffusers' own class, MiniLM is transformers' BertModel, the autoencoder the one that was trained
(training/storybook).
"""
import argparse
import json
import pathlib
import statistics
import sys
import time

import torch
from diffusers import WanTransformer3DModel
from transformers import BertConfig, BertModel

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "training"))
from storybook.autoencoder import Autoencoder  # noqa: E402

MANIFEST = ROOT / "public/models/storybook/manifest.json"


def timed(call, repeats):
    for _ in range(3):
        call()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(1000 * (time.perf_counter() - start))
    return {"min": min(times), "median": statistics.median(times)}


@torch.no_grad()
def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--repeats", type=int, default=20)
    p.add_argument("--tokens", type=int, default=15, help="tokens of the prompt")
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    manifest = json.loads(MANIFEST.read_text())
    configs, defaults = manifest["configs"], manifest["defaults"]
    transformer = WanTransformer3DModel.from_config({k: v for k, v in configs["transformer"].items() if not k.startswith("_")}).eval()
    minilm = BertModel(BertConfig(**{k: v for k, v in configs["textEncoder"].items() if k != "architectures"}), add_pooling_layer=False).eval()
    autoencoder = Autoencoder(configs["autoencoder"]).eval()
    frames = torch.rand(1, defaults["frames"], 3, defaults["height"], defaults["width"])
    latent_frames, h, w = (autoencoder.encode(frames).shape[i] for i in (1, 3, 4))
    latents = torch.randn(1, configs["transformer"]["in_channels"], latent_frames, h, w)
    context = torch.randn(1, manifest["text"]["length"], configs["transformer"]["text_dim"])
    timestep = torch.full((1, latent_frames * (h // 2) * (w // 2)), 500.0)
    ids = torch.randint(1000, 20000, (1, a.tokens))
    print(json.dumps({
        "torch": torch.__version__,
        "threads": a.threads,
        "transformer": timed(lambda: transformer(latents, timestep, context, return_dict=False), a.repeats),
        "textEncoder": timed(lambda: minilm(ids), a.repeats),
        "decoder": timed(lambda: autoencoder.decode(latents.transpose(1, 2)), a.repeats),
        "encoder": timed(lambda: autoencoder.encode(frames), a.repeats),
    }))


if __name__ == "__main__":
    main()
