"""Times storybook's networks in PyTorch, f32, on the given number of CPU threads: the native baseline of `npm run bench`.

python scripts/bench/pytorch.py --threads 2 --repeats 20

Prints one JSON object: milliseconds per call (the fastest and the median of the repeats) by network. Weights are random: only shapes
matter for time. The transformer is diffusers' own class, MiniLM is transformers' BertModel; the autoencoder follows the layout in
autoencoder_config.json (training/storybook has the trained one).
"""
import argparse
import json
import pathlib
import statistics
import time

import torch
import torch.nn as nn
import torch.nn.functional as F
from diffusers import WanTransformer3DModel
from transformers import BertConfig, BertModel

MANIFEST = pathlib.Path(__file__).resolve().parents[2] / "public/models/storybook/manifest.json"


def conv(n_in, n_out, size=3, bias=True):
    return nn.Conv2d(n_in, n_out, size, padding=size // 2, bias=bias)


class MemBlock(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.conv = nn.Sequential(conv(2 * n, n), nn.ReLU(), conv(n, n), nn.ReLU(), conv(n, n))

    def forward(self, x):  # x [T, C, H, W]
        past = torch.cat([torch.zeros_like(x[:1]), x[:-1]])
        return F.relu(self.conv(torch.cat([x, past], 1)) + x)


class SplitTime(nn.Module):
    """1x1 convolution that makes each frame `times` frames."""

    def __init__(self, n, times):
        super().__init__()
        self.times, self.conv = times, conv(n, n * times, 1, False)

    def forward(self, x):
        return self.conv(x).reshape(-1, x.shape[1], *x.shape[2:])


class MergeTime(nn.Module):
    def __init__(self, n, times):
        super().__init__()
        self.times, self.conv = times, conv(n * times, n, 1, False)

    def forward(self, x):
        return self.conv(x.reshape(-1, self.times * x.shape[1], *x.shape[2:]))


def autoencoder(config):
    pixels = config["image_channels"] * config["patch_size"] ** 2
    n = config["encoder_stem"]
    encoder = [nn.PixelUnshuffle(config["patch_size"]), conv(pixels, n), nn.ReLU()]
    for pool, stride, width, blocks in config["encoder_stages"]:
        encoder += [MergeTime(n, pool), nn.Conv2d(n, width, 3, stride, 1, bias=False), *[MemBlock(width) for _ in range(blocks)]]
        n = width
    encoder += [conv(n, config["latent_channels"])]
    n, blocks = config["decoder_stem"]
    decoder = [conv(config["latent_channels"], n), nn.ReLU(), *[MemBlock(n) for _ in range(blocks)]]
    for up, grow, width, blocks in config["decoder_stages"]:
        decoder += [nn.Upsample(scale_factor=up, mode="nearest"), SplitTime(n, grow), conv(n, width, bias=False), *[MemBlock(width) for _ in range(blocks)]]
        n = width
    decoder += [nn.ReLU(), conv(n, pixels), nn.PixelShuffle(config["patch_size"])]
    return nn.Sequential(*encoder).eval(), nn.Sequential(*decoder).eval()


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
    encoder, decoder = autoencoder(configs["autoencoder"])
    patch = configs["autoencoder"]["patch_size"]
    latent_frames, h, w = (defaults["frames"] - 1) // 4 + 1, defaults["height"] // patch, defaults["width"] // patch
    latents = torch.randn(1, configs["transformer"]["in_channels"], latent_frames, h, w)
    context = torch.randn(1, manifest["text"]["length"], configs["transformer"]["text_dim"])
    timestep = torch.full((1, latent_frames * (h // 2) * (w // 2)), 500.0)
    ids = torch.randint(1000, 20000, (1, a.tokens))
    frames = torch.rand(4 * latent_frames, 3, defaults["height"], defaults["width"])
    print(json.dumps({
        "torch": torch.__version__,
        "threads": a.threads,
        "transformer": timed(lambda: transformer(latents, timestep, context, return_dict=False), a.repeats),
        "textEncoder": timed(lambda: minilm(ids), a.repeats),
        "decoder": timed(lambda: decoder(latents[0].transpose(0, 1)), a.repeats),
        "encoder": timed(lambda: encoder(frames), a.repeats),
    }))


if __name__ == "__main__":
    main()
