"""python -m training.pack MODEL_FOLDER MINILM_FOLDER OUT_FOLDER [--id storybook] [--sums SHA256SUMS] [--unquantized]

Reads a trained model (model.json, transformer, autoencoder, vocabulary) and MiniLM, writes the GGUF files, the
tokenizer, the vocabulary, the licences and manifest.json. The same input gives the same bytes; `--sums` writes their
SHA-256 in the format of sha256sum.  `--unquantized` stores as F16 what would be Q8_0, to measure what that costs.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from . import policy
from .gguf_writer import Tensor, encode, write_gguf
from .manifest import build_manifest, describe_file, write_json
from .quantize import dequantize_q8_0

NOTICE = """Files in this folder and their licences

transformer.gguf, autoencoder.gguf, vocabulary.json
    {id}: weights trained by the Kinora project on scenes drawn by its own renderer.
    Licence: {licence}
    The scenes use Fluent Emoji, Copyright (c) Microsoft Corporation, MIT licence
    (https://github.com/microsoft/fluentui-emoji).

text-encoder.gguf, tokenizer.json
    sentence-transformers/all-MiniLM-L6-v2, Apache License 2.0
    (https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2).
    Changes: weights rounded to f16, linears and the word table quantised to Q8_0, the pooler left out.
    The licence is in LICENSE-Apache-2.0.txt.
"""


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """Sorts blocks.2 before blocks.10."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"[.]", name)]


def pack_weights(source: Path, target: Path, architecture: str, title: str, licence: str, choose: Callable[[str, tuple[int, ...]], str], drop: str | None = None) -> None:
    """Stores one safetensors file as GGUF and prints what quantising changed."""
    weights = load_file(source)
    names = sorted((name for name in weights if drop is None or not name.startswith(drop)), key=natural_key)
    tensors = []
    for name in names:
        values = weights[name].astype(np.float32)
        if not np.isfinite(values).all():
            raise ValueError(f"{name} in {source.name} has values that are not finite")
        tensors.append(Tensor(name, values, choose(name, values.shape)))
    metadata = {
        "general.architecture": architecture,
        "general.name": title,
        "general.license": licence,
        "general.quantization_version": 2,
        "general.file_type": 7 if any(tensor.type == "Q8_0" for tensor in tensors) else 1,
        "general.alignment": 32,
    }
    write_gguf(target, metadata, tensors)
    worst = max((error_of(tensor) for tensor in tensors if tensor.type == "Q8_0"), default=0.0)
    counts = {kind: sum(tensor.type == kind for tensor in tensors) for kind in ("Q8_0", "F16", "F32")}
    print(f"{target.name}: {target.stat().st_size} bytes, {counts}, worst relative rms error of a tensor {worst:.4f}")


def error_of(tensor: Tensor) -> float:
    back = dequantize_q8_0(encode(tensor), tensor.values.shape)
    return float(np.sqrt(np.mean((back - tensor.values) ** 2) / np.mean(tensor.values**2)))


def pack(model_folder: Path, minilm_folder: Path, out: Path, model_id: str, quantized: bool = True) -> list[Path]:
    """Writes the whole folder; returns the files in the order of the manifest, manifest and licences last."""
    out.mkdir(parents=True, exist_ok=True)
    read = lambda path: json.loads(path.read_text(encoding="utf-8"))
    model = read(model_folder / "model.json")
    transformer = read(model_folder / model["transformer"])
    autoencoder = read(model_folder / model["autoencoder"])
    text_encoder = read(minilm_folder / "config.json")
    licence = model["licence"]
    stored = lambda choose: choose if quantized else lambda name, shape: choose(name, shape).replace("Q8_0", "F16")
    pack_weights(model_folder / "transformer.safetensors", out / "transformer.gguf", "wan", f"{model['id']} transformer", licence, stored(policy.transformer_type))
    pack_weights(model_folder / "autoencoder.safetensors", out / "autoencoder.gguf", "taehv", f"{model['id']} autoencoder", licence, stored(policy.autoencoder_type))
    pack_weights(minilm_folder / "model.f16.safetensors", out / "text-encoder.gguf", "bert", "all-MiniLM-L6-v2", "Apache-2.0", stored(policy.text_encoder_type), drop="pooler.")
    (out / "tokenizer.json").write_bytes((minilm_folder / "tokenizer.json").read_bytes())
    (out / "vocabulary.json").write_bytes((model_folder / "vocabulary.json").read_bytes())
    roles = {"transformer.gguf": "transformer", "autoencoder.gguf": "autoencoder", "text-encoder.gguf": "text-encoder", "tokenizer.json": "tokenizer", "vocabulary.json": "vocabulary"}
    files = [describe_file(out / name, role) for name, role in roles.items()]
    write_json(out / "manifest.json", build_manifest(model, transformer, autoencoder, text_encoder, files, model_id))
    (out / "NOTICE.txt").write_text(NOTICE.format(id=model["id"], licence=licence), encoding="utf-8")
    apache = Path(__file__).with_name("LICENSE-Apache-2.0.txt")
    (out / apache.name).write_bytes(apache.read_bytes())
    return [out / name for name in (*roles, "manifest.json", "NOTICE.txt", apache.name)]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.pack", description="Turn a trained model's folder into the quantised files that the browser loads.")
    parser.add_argument("model_folder", type=Path)
    parser.add_argument("minilm_folder", type=Path)
    parser.add_argument("out_folder", type=Path)
    parser.add_argument("--id", default="storybook", help="the model's id in manifest.json")
    parser.add_argument("--sums", type=Path, help="write the SHA-256 of every file here")
    parser.add_argument("--unquantized", action="store_true")
    arguments = parser.parse_args()
    files = pack(arguments.model_folder, arguments.minilm_folder, arguments.out_folder, arguments.id, not arguments.unquantized)
    sums = "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files)
    if arguments.sums:
        arguments.sums.write_text(sums, encoding="utf-8")
    print(sums, end="")


if __name__ == "__main__":
    main()
