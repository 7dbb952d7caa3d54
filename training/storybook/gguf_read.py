"""Reads the tensors of a small GGUF file (F32, F16, Q8_0) as f32, so that the committed MiniLM serves training too.

Layout: github.com/ggml-org/ggml/blob/master/docs/gguf.md, version 3, little-endian.
"""
import struct

import numpy as np
import torch

_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
F32, F16, Q8_0 = 0, 1, 8


class _Cursor:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, form):
        value, = struct.unpack_from("<" + form, self.data, self.at)
        self.at += struct.calcsize(form)
        return value

    def text(self):
        n = self.take("Q")
        self.at += n
        return self.data[self.at - n:self.at].decode()

    def value(self, kind):
        if kind == 8:
            return self.text()
        if kind == 9:
            inner, n = self.take("I"), self.take("Q")
            return [self.value(inner) for _ in range(n)]
        return self.take(_SCALARS[kind])


def read_gguf(path: str) -> dict:
    """-> {name: f32 tensor}"""
    data = open(path, "rb").read()
    c = _Cursor(data)
    if data[:4] != b"GGUF":
        raise ValueError(f"{path} is not a GGUF file")
    c.at = 4
    c.take("I")
    tensors, pairs = c.take("Q"), c.take("Q")
    meta = {}
    for _ in range(pairs):
        key = c.text()
        meta[key] = c.value(c.take("I"))
    entries = []
    for _ in range(tensors):
        name = c.text()
        shape = [c.take("Q") for _ in range(c.take("I"))][::-1]
        entries.append((name, shape, c.take("I"), c.take("Q")))
    align = meta.get("general.alignment", 32)
    base = (c.at + align - 1) // align * align
    out = {}
    for name, shape, kind, offset in entries:
        count, at = int(np.prod(shape)), base + offset
        if kind == F32:
            v = np.frombuffer(data, np.float32, count, at)
        elif kind == F16:
            v = np.frombuffer(data, np.float16, count, at).astype(np.float32)
        elif kind == Q8_0:  # blocks of an f16 scale and 32 int8
            blocks = np.frombuffer(data, np.dtype([("d", np.float16), ("q", np.int8, 32)]), count // 32, at)
            v = blocks["d"].astype(np.float32)[:, None] * blocks["q"]
        else:
            raise ValueError(f"{name}: GGUF type {kind} is not read here")
        out[name] = torch.from_numpy(v.reshape(shape).copy())
    return out
