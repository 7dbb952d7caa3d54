"""python -m unittest training.pack.test_pack, from the repository's root."""

from __future__ import annotations

import hashlib
import json
import struct
import tempfile
import unittest
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from .__main__ import natural_key, pack
from .gguf_writer import Tensor, write_gguf
from .policy import autoencoder_type, text_encoder_type, transformer_type
from .quantize import dequantize_q8_0, quantize_q8_0

REPOSITORY = Path(__file__).parents[2]
FIXTURE = REPOSITORY / "test/fixtures/gguf-blocks/blocks.safetensors"


def make_model(folder: Path) -> tuple[Path, Path]:
    """A random model and text encoder, each with one weight of every kind."""
    random = np.random.default_rng(7)
    values = lambda *shape: random.standard_normal(shape).astype(np.float16)
    model, minilm = folder / "model", folder / "minilm"
    model.mkdir()
    minilm.mkdir()
    save_file({"blocks.10.attn1.to_q.weight": values(64, 64), "blocks.2.attn1.to_q.weight": values(64, 64), "blocks.2.attn1.to_q.bias": values(64), "blocks.2.scale_shift_table": values(1, 6, 64), "patch_embedding.weight": values(64, 16, 1, 2, 2), "proj_out.weight": values(64, 64)}, model / "transformer.safetensors")
    save_file({"decoder.1.weight": values(8, 16, 3, 3), "decoder.1.bias": values(8)}, model / "autoencoder.safetensors")
    save_file({"embeddings.word_embeddings.weight": values(100, 64), "pooler.dense.weight": values(64, 64)}, minilm / "model.f16.safetensors")
    dump = lambda path, value: path.write_text(json.dumps(value))
    transformer = {"patch_size": [1, 2, 2], "num_attention_heads": 1, "attention_head_dim": 64, "in_channels": 16, "out_channels": 16, "text_dim": 64, "freq_dim": 256, "ffn_dim": 64, "num_layers": 1, "cross_attn_norm": True, "qk_norm": "rms_norm_across_heads", "eps": 1e-6, "rope_max_seq_len": 64}
    dump(model / "transformer_config.json", transformer)
    dump(model / "autoencoder_config.json", {"_class": "TinyVideoAutoencoder", "latent_channels": 16, "patch_size": 8})
    dump(minilm / "config.json", {"model_type": "bert", "vocab_size": 100, "hidden_size": 64, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 64, "hidden_act": "gelu", "max_position_embeddings": 8, "type_vocab_size": 2, "layer_norm_eps": 1e-12, "pad_token_id": 0})
    dump(model / "model.json", {"id": "tiny-v0", "family": "wan", "licence": "MIT", "transformer": "transformer_config.json", "autoencoder": "autoencoder_config.json", "text": {"encoder": "minilm"}, "timesteps": "per latent frame", "defaults": {}, "latentRgb": {}})
    dump(model / "vocabulary.json", {})
    dump(minilm / "tokenizer.json", {})
    return model, minilm


class PackTest(unittest.TestCase):
    def test_packing_twice_gives_the_same_bytes(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            model, minilm = make_model(Path(folder))
            sums = []
            for name in ("first", "second"):
                files = pack(model, minilm, Path(folder) / name, "tiny")
                sums.append({path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files})
            self.assertEqual(sums[0], sums[1])
            manifest = json.loads((Path(folder) / "first/manifest.json").read_text())
            self.assertEqual({entry["name"]: entry["sha256"] for entry in manifest["files"]}, {entry["name"]: sums[0][entry["name"]] for entry in manifest["files"]})
            packed = (Path(folder) / "first/text-encoder.gguf").read_bytes()
            self.assertNotIn(b"pooler", packed)

    def test_a_module_list_autoencoder_packs_with_its_whole_configuration(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            model, minilm = make_model(Path(folder))
            config = {"_class": "ModuleListAutoencoder", "image_channels": 3, "latent_channels": 16, "spatial_factor": 8, "temporal_factor": 4, "encoder": [{"type": "pixel_unshuffle", "factor": 8}], "decoder": [{"type": "sum", "branches": [[{"type": "conv", "in": 16, "out": 8, "kernel": 1, "bias": True}], []]}]}
            (model / "autoencoder_config.json").write_text(json.dumps(config))
            save_file({"decoder.0.0.0.weight": np.ones((8, 16, 1, 1), np.float16), "decoder.0.0.0.bias": np.ones(8, np.float16)}, model / "autoencoder.safetensors")
            pack(model, minilm, Path(folder) / "packed", "tiny")
            manifest = json.loads((Path(folder) / "packed/manifest.json").read_text())
            self.assertEqual(manifest["configs"]["autoencoder"], config)
            self.assertEqual(manifest["limits"]["width"], {"min": 32, "max": 256, "step": 16})

    def test_q8_0_matches_the_golden_blocks(self) -> None:
        golden = load_file(FIXTURE)
        self.assertEqual(quantize_q8_0(golden["quantize.source"]), golden["quantize.Q8_0"].tobytes())

    def test_dequantising_inverts_within_half_a_step(self) -> None:
        values = np.random.default_rng(1).standard_normal((4, 64)).astype(np.float32)
        back = dequantize_q8_0(quantize_q8_0(values), values.shape)
        steps = np.abs(values.reshape(-1, 32)).max(axis=1) / 127
        self.assertLess(float((np.abs(back - values).reshape(-1, 32).max(axis=1) / steps).max()), 0.5 + 127 * 2**-11)

    def test_rows_that_are_not_whole_blocks_are_refused(self) -> None:
        with self.assertRaises(ValueError):
            quantize_q8_0(np.zeros((2, 48), np.float32))

    def test_policy(self) -> None:
        self.assertEqual(transformer_type("blocks.0.ffn.net.0.proj.weight", (128, 64)), "Q8_0")
        self.assertEqual(transformer_type("blocks.0.ffn.net.0.proj.weight", (128, 48)), "F16")
        self.assertEqual(transformer_type("condition_embedder.time_proj.weight", (384, 64)), "F16")
        self.assertEqual(transformer_type("patch_embedding.weight", (64, 16, 1, 2, 2)), "F16")
        self.assertEqual(transformer_type("blocks.0.scale_shift_table", (1, 6, 64)), "F32")
        self.assertEqual(transformer_type("blocks.0.norm2.weight", (64,)), "F32")
        self.assertEqual(autoencoder_type("decoder.1.weight", (8, 16, 3, 3)), "F16")
        self.assertEqual(text_encoder_type("embeddings.word_embeddings.weight", (100, 64)), "Q8_0")
        self.assertEqual(text_encoder_type("embeddings.position_embeddings.weight", (8, 64)), "F16")

    def test_blocks_are_stored_in_their_natural_order(self) -> None:
        self.assertEqual(sorted(["blocks.10.a", "blocks.2.a", "a"], key=natural_key), ["a", "blocks.2.a", "blocks.10.a"])

    def test_header_and_alignment(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "one.gguf"
            write_gguf(path, {"general.architecture": "wan"}, [Tensor("a", np.arange(3, dtype=np.float32), "F32")])
            data = path.read_bytes()
            self.assertEqual(struct.unpack_from("<4sIQQ", data), (b"GGUF", 3, 1, 1))
            self.assertEqual(len(data) % 32, 0)
            self.assertEqual(struct.unpack_from("<3f", data, len(data) - 32), (0.0, 1.0, 2.0))

    def test_values_that_f16_cannot_hold_are_refused(self) -> None:
        with tempfile.TemporaryDirectory() as folder, self.assertRaises(ValueError), np.errstate(over="ignore"):
            write_gguf(Path(folder) / "big.gguf", {}, [Tensor("a", np.full((1, 2), 1e6, np.float32), "F16")])


if __name__ == "__main__":
    unittest.main()
