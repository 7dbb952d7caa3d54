"""Which weights are stored how.

Quantising pays where the bytes are (block linears, the word table) and hurts where few weights shape everything:
the input and output layers, the time and text embeddings, the modulation tables. The split is ComfyUI-GGUF's for
Wan (tools/lcpp.patch) and llama.cpp's for BERT (src/llama-quant.cpp).
"""

from __future__ import annotations

from .quantize import BLOCK


def transformer_type(name: str, shape: tuple[int, ...]) -> str:
    """Block linears Q8_0; embedders, patch embedding and head F16; norms, biases and modulation tables F32."""
    if len(shape) == 1 or name.endswith("scale_shift_table"):
        return "F32"
    if len(shape) == 2 and name.startswith("blocks."):
        return _quantized(shape)
    return "F16"


def autoencoder_type(name: str, shape: tuple[int, ...]) -> str:
    """Convolutions F16, biases F32."""
    return "F32" if len(shape) == 1 else "F16"


def text_encoder_type(name: str, shape: tuple[int, ...]) -> str:
    """Linears and the word table Q8_0; the small position and type tables F16; norms and biases F32."""
    if len(shape) == 1:
        return "F32"
    if name.endswith(("position_embeddings.weight", "token_type_embeddings.weight")):
        return "F16"
    return _quantized(shape)


def _quantized(shape: tuple[int, ...]) -> str:
    return "Q8_0" if shape[-1] % BLOCK == 0 else "F16"
