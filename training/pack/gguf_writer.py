"""A GGUF version 3 writer whose bytes depend on its arguments alone.

Written from the format's description (github.com/ggml-org/ggml/blob/master/docs/gguf.md), so that no library's
version, time or path gets into the file.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .quantize import quantize_q8_0

ALIGNMENT = 32
TYPE_IDS = {"F32": 0, "F16": 1, "Q8_0": 8}
UINT32, STRING = 4, 8


@dataclass(frozen=True)
class Tensor:
    """A named tensor in PyTorch's dimension order, and the ggml type it is stored in."""

    name: str
    values: np.ndarray
    type: str


def encode(tensor: Tensor) -> bytes:
    """The stored bytes: little-endian numbers, or Q8_0 blocks along the last dimension."""
    values = np.ascontiguousarray(tensor.values, dtype=np.float32)
    if tensor.type == "F32":
        return values.astype("<f4").tobytes()
    if tensor.type == "F16":
        halves = values.astype("<f2")
        if not np.isfinite(halves).all():
            raise ValueError(f"{tensor.name} does not fit into f16")
        return halves.tobytes()
    if tensor.type == "Q8_0":
        return quantize_q8_0(values)
    raise ValueError(f"{tensor.name}: unknown type {tensor.type}")


def _string(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def _padding(size: int) -> bytes:
    return b"\0" * (-size % ALIGNMENT)


def write_gguf(path: Path, metadata: dict[str, str | int], tensors: Iterable[Tensor]) -> None:
    """Writes the file. `metadata` values are texts or unsigned 32-bit numbers; order is kept."""
    tensors = list(tensors)
    header = struct.pack("<4sIQQ", b"GGUF", 3, len(tensors), len(metadata))
    for key, value in metadata.items():
        if isinstance(value, str):
            header += _string(key) + struct.pack("<I", STRING) + _string(value)
        else:
            header += _string(key) + struct.pack("<II", UINT32, value)
    body = bytearray()
    for tensor in tensors:
        shape = tensor.values.shape
        data = encode(tensor)
        header += _string(tensor.name) + struct.pack("<I", len(shape))
        header += b"".join(struct.pack("<Q", size) for size in reversed(shape))
        header += struct.pack("<IQ", TYPE_IDS[tensor.type], len(body))
        body += data + _padding(len(data))
    path.write_bytes(header + _padding(len(header)) + bytes(body))
