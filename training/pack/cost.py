"""python -m training.pack.cost MODEL_FOLDER MINILM_FOLDER, from the repository's root (torch, transformers).

What storing weights as Q8_0 costs, class by class: those of one class alone are rounded, everything else is as trained (MiniLM as
its folder has it). For each class its bytes as Q8_0 and as F16, and the rms of the change of the transformer's first guided output (% of
that output's own rms; mean and worst prompt). The lines "as the recipe packs" are the policy as it stands, with the PSNR of the frames of
whole clips at the model's defaults (dB, mean and worst prompt).
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch

from ..storybook.bundle import Bundle
from . import policy
from .gguf_writer import Tensor, encode
from .quantize import BLOCK, dequantize_q8_0

PROMPTS = ["a red fox runs through snow", "a robot walks through the city at night"]

TRANSFORMER_CLASSES = {
    "all linears of blocks": r"blocks\.\d+\.(attn|ffn)",
    "self-attention q, k": r"blocks\.\d+\.attn1\.to_[qk]\.",
    "self-attention v, out": r"blocks\.\d+\.attn1\.to_(v|out)",
    "cross-attention": r"blocks\.\d+\.attn2\.",
    "feed-forward, first": r"blocks\.\d+\.ffn\.net\.0",
    "feed-forward, second": r"blocks\.\d+\.ffn\.net\.2",
    "blocks 0 and 1": r"blocks\.[01]\.",
    "blocks 2 to 5": r"blocks\.[2-5]\.",
    "blocks 6 and 7": r"blocks\.[67]\.",
    "patch embedding": r"patch_embedding",
    "time embedding": r"condition_embedder\.time_embedder",
    "modulation": r"condition_embedder\.time_proj",
    "text embedding": r"condition_embedder\.text_embedder",
    "output": r"proj_out",
}  # fmt: skip
TEXT_CLASSES = {
    "all": r".",
    "word table": r"word_embeddings",
    "layers 0, 1, 2": r"layer\.[012]\.",
    "layers 3, 4, 5": r"layer\.[345]\.",
    **{f"layer {index}": rf"layer\.{index}\." for index in range(6)},
    "attention": r"attention",
    "feed-forward": r"layer\.\d\.(intermediate|output)",
}


def rounded(values: torch.Tensor, kind: str) -> torch.Tensor:
    """The values as they come back from a type of storage; a convolution's weight counts as rows of its first dimension."""
    array = values.float().numpy()
    if kind == "Q8_0":
        rows = array.reshape(len(array), -1)
        return torch.from_numpy(dequantize_q8_0(encode(Tensor("", rows, kind)), rows.shape).reshape(array.shape))
    return values.half().float() if kind == "F16" else values


class Clips:
    """The trained model, and its clips of PROMPTS as a yardstick."""

    def __init__(self, model_folder: Path, minilm_folder: Path):
        self.bundle = Bundle(model_folder, minilm_folder)
        self.parts = {"transformer": self.bundle.transformer, "autoencoder": self.bundle.autoencoder, "text encoder": self.bundle.text.model}
        self.trained = {name: {key: value.clone() for key, value in part.state_dict().items()} for name, part in self.parts.items()}
        self.step, self.frames = self.first_step(), self.clips()

    def clips(self) -> torch.Tensor:
        """-> frames [N, T, 3, H, W] as 8-bit levels."""
        return (self.bundle.generate(PROMPTS)[1] * 255).round()

    def first_step(self) -> torch.Tensor:
        """-> the network's own output at the first step, guided [N, C, F, h, w]."""
        bundle, defaults = self.bundle, self.bundle.info["defaults"]
        shape = (bundle.autoencoder.config["latent_channels"], (defaults["frames"] - 1) // 4 + 1, defaults["height"] // 8, defaults["width"] // 8)
        noise = torch.stack([torch.randn(shape, generator=torch.Generator().manual_seed(seed)) for seed in range(len(PROMPTS))])
        sigma = torch.ones(len(PROMPTS), shape[1])
        with torch.no_grad():
            given, empty = (bundle.transformer.output(noise, sigma, context) for context in (bundle.text.contexts(PROMPTS), bundle.text.contexts([""] * len(PROMPTS))))
        return empty + defaults["guidance"] * (given - empty)

    def cost(self, choose: dict[str, Callable[[str, tuple[int, ...]], str]], whole: bool = False) -> str:
        """Rounds the weights of each part as `choose` has it, and says how far the first step is off then, and whole clips."""
        for name, kind_of in choose.items():
            self.parts[name].load_state_dict({key: rounded(value, kind_of(key, tuple(value.shape))) if value.is_floating_point() else value for key, value in self.trained[name].items()})
        step, frames = self.first_step(), self.clips() if whole else None
        for name in choose:
            self.parts[name].load_state_dict(self.trained[name])
        rms = lambda values: values.square().flatten(1).mean(1).sqrt()
        error = 100 * rms(step - self.step) / rms(self.step)
        text = f"{error.mean():.4f} %, worst {error.max():.4f} %"
        if frames is None:
            return text
        psnr = 20 * torch.log10(255 / rms(frames - self.frames).clamp(min=1e-3))
        return f"{text}; frames {psnr.mean():.2f} dB, worst {psnr.min():.2f} dB"


def classes(clips: Clips) -> Iterator[tuple[str, str]]:
    """-> label, description, for each class and for the policy."""
    for part, table in (("transformer", TRANSFORMER_CLASSES), ("text encoder", TEXT_CLASSES)):
        for label, pattern in table.items():
            def kind_of(name: str, shape: tuple[int, ...], pattern: str = pattern) -> str:
                return "Q8_0" if re.search(pattern, name) and len(shape) > 1 and int(np.prod(shape[1:])) % BLOCK == 0 else "F32"

            count = sum(value.numel() for key, value in clips.trained[part].items() if kind_of(key, tuple(value.shape)) == "Q8_0")
            yield f"{part}: {label} ({count * 34 / 32e6:.2f} MB, F16 {count * 2 / 1e6:.2f})", clips.cost({part: kind_of})
    recipe = {"transformer": policy.transformer_type, "autoencoder": policy.autoencoder_type, "text encoder": policy.text_encoder_type}
    for part in recipe:
        yield f"{part} as the recipe packs", clips.cost({part: recipe[part]}, whole=True)
    yield "all three as the recipe packs", clips.cost(recipe, whole=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.pack.cost", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model_folder", type=Path)
    parser.add_argument("minilm_folder", type=Path)
    arguments = parser.parse_args()
    for label, description in classes(Clips(arguments.model_folder, arguments.minilm_folder)):
        print(f"{label:75} {description}", flush=True)


if __name__ == "__main__":
    main()
