"""The manifest.json that the browser checks every downloaded byte against; src/weights/manifest.ts has its types."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

CHUNK_BYTES = 16 * 2**20

TRANSFORMER_FIELDS = (
    "patch_size", "num_attention_heads", "attention_head_dim", "in_channels", "out_channels", "text_dim", "freq_dim",
    "ffn_dim", "num_layers", "cross_attn_norm", "qk_norm", "eps", "rope_max_seq_len",
)  # fmt: skip
TEXT_ENCODER_FIELDS = (
    "model_type", "vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size",
    "hidden_act", "max_position_embeddings", "type_vocab_size", "layer_norm_eps", "pad_token_id",
)  # fmt: skip


def describe_file(path: Path, role: str) -> dict:
    data = path.read_bytes()
    chunks = [hashlib.sha256(data[at : at + CHUNK_BYTES]).hexdigest() for at in range(0, len(data), CHUNK_BYTES)]
    return {"name": path.name, "role": role, "sizeBytes": len(data), "sha256": hashlib.sha256(data).hexdigest(), "chunks": chunks}


def default_limits(transformer: dict, autoencoder: dict) -> dict:
    """What the architecture can be asked for. Sizes are whole transformer patches; rope tables end at rope_max_seq_len."""
    grid = (autoencoder.get("spatial_factor") or autoencoder["patch_size"]) * transformer["patch_size"][1]
    side = {"min": 2 * grid, "max": 16 * grid, "step": grid}
    frames = min(65, 4 * (transformer["rope_max_seq_len"] - 1) + 1)
    return {
        "width": side,
        "height": side,
        "frames": {"min": 1, "max": frames, "step": 4},
        "fps": {"min": 1, "max": 60, "step": 1},
        "steps": {"min": 1, "max": 100, "step": 1},
        "guidance": {"min": 1, "max": 20, "step": 0},
        "shift": {"min": 0.1, "max": 20, "step": 0},
    }


def build_manifest(model: dict, transformer: dict, autoencoder: dict, text_encoder: dict, files: list[dict], model_id: str) -> dict:
    content = hashlib.sha256("".join(entry["sha256"] for entry in files).encode()).hexdigest()
    return {
        "version": 1,
        "id": model_id,
        "name": model_id.capitalize(),
        "family": model["family"],
        "licence": model["licence"],
        "source": f"{model['id']}, trained by this project, with sentence-transformers/all-MiniLM-L6-v2",
        "revision": f"{model['id']}-{content[:12]}",
        "chunkSizeBytes": CHUNK_BYTES,
        "files": files,
        "configs": {
            "transformer": {
                **{field: transformer[field] for field in TRANSFORMER_FIELDS},
                **({"rope_position_embedding": True} if transformer.get("rope_position_embedding") else {}),
            },
            "autoencoder": autoencoder,
            "textEncoder": {field: text_encoder[field] for field in TEXT_ENCODER_FIELDS},
        },
        "text": model["text"],
        "timesteps": model["timesteps"],
        **({"sigmaData": model["sigmaData"]} if model.get("sigmaData") else {}),
        "defaults": model["defaults"],
        "latentRgb": model["latentRgb"],
        "limits": model.get("limits") or default_limits(transformer, autoencoder),
    }


def write_json(path: Path, value: dict) -> None:
    """Indented, with lists of plain values on one line each."""
    path.write_text(_dump(value, "") + "\n", encoding="utf-8")


def _dump(value: object, pad: str) -> str:
    inner = pad + "  "
    if isinstance(value, dict) and value:
        lines = (f"{inner}{json.dumps(key, ensure_ascii=False)}: {_dump(entry, inner)}" for key, entry in value.items())
        return "{\n" + ",\n".join(lines) + f"\n{pad}}}"
    if isinstance(value, list) and any(isinstance(entry, (dict, list)) for entry in value):
        return "[\n" + ",\n".join(inner + _dump(entry, inner) for entry in value) + f"\n{pad}]"
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
