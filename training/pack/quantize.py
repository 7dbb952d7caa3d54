"""ggml's Q8_0: 32 weights share one f16 scale."""

from __future__ import annotations

import numpy as np

BLOCK = 32


def quantize_q8_0(values: np.ndarray) -> bytes:
    """f32 values whose last dimension is a multiple of 32, as Q8_0 blocks (34 bytes each), to ggml's bytes.

    d = max|x| / 127; 1/d is taken in f32 before d is rounded to f16; halves round away from zero
    (quantize_row_q8_0_ref in ggml/src/ggml-quants.c). Every step is one IEEE operation, so the bytes are the same
    on every machine.
    """
    if values.shape[-1] % BLOCK:
        raise ValueError(f"rows of {values.shape[-1]} are not whole blocks of {BLOCK}")
    blocks = np.ascontiguousarray(values, dtype=np.float32).reshape(-1, BLOCK)
    scale = np.abs(blocks).max(axis=1, keepdims=True) / np.float32(127)
    inverse = np.divide(np.float32(1), scale, out=np.zeros_like(scale), where=scale != 0)
    scaled = blocks * inverse
    rounded = np.trunc(scaled + np.copysign(np.float32(0.5), scaled))
    out = np.empty((len(blocks), 2 + BLOCK), dtype=np.uint8)
    out[:, :2] = scale.astype("<f2").view(np.uint8)
    out[:, 2:] = rounded.astype(np.int8).view(np.uint8)
    return out.tobytes()


def dequantize_q8_0(data: bytes, shape: tuple[int, ...]) -> np.ndarray:
    """The inverse, for measuring what quantising costs."""
    blocks = np.frombuffer(data, dtype=np.uint8).reshape(-1, 2 + BLOCK)
    scale = blocks[:, :2].copy().view("<f2").astype(np.float32)
    return (blocks[:, 2:].copy().view(np.int8).astype(np.float32) * scale).reshape(shape)
