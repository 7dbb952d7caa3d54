"""Frozen all-MiniLM-L6-v2 (Apache-2.0): captions -> token states, zero-padded to TEXT_LEN rows of 384."""
import glob
import json
import os

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from transformers import BertConfig, BertModel

from .gguf_read import read_gguf

TEXT_LEN, TEXT_DIM = 48, 384


class TextEncoder:
    """folder: the page's own `public/models/storybook`, or one with a safetensors file (any one), tokenizer.json and config.json."""

    def __init__(self, folder, device="cpu"):
        self.tokenizer = Tokenizer.from_file(os.path.join(folder, "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(TEXT_LEN)
        at = lambda name: os.path.join(folder, name)
        if os.path.exists(at("text-encoder.gguf")):
            config, weights = BertConfig(**json.load(open(at("manifest.json")))["configs"]["textEncoder"]), read_gguf(at("text-encoder.gguf"))
        else:
            file = sorted(glob.glob(at("*.safetensors")))[0]
            config, weights = BertConfig.from_json_file(at("config.json")), {k.removeprefix("bert."): v.float() for k, v in load_file(file).items()}
        self.model = BertModel(config, add_pooling_layer=False)
        missing, _ = self.model.load_state_dict(weights, strict=False)
        missing = [k for k in missing if "position_ids" not in k]
        if missing:
            raise ValueError(f"the weights in {folder} lack {missing[:3]}")
        self.model.eval().requires_grad_(False).to(device)
        self.device = device

    def ids(self, text):
        """-> token ids with [CLS] and [SEP], at most TEXT_LEN."""
        return self.tokenizer.encode(text).ids

    @torch.no_grad()
    def states(self, texts):
        """list of captions -> list of [n_tokens, 384] (ragged, unpadded)."""
        ids = [self.ids(t) for t in texts]
        longest = max(map(len, ids))
        batch = torch.tensor([i + [0] * (longest - len(i)) for i in ids], device=self.device)
        mask = torch.tensor([[1] * len(i) + [0] * (longest - len(i)) for i in ids], device=self.device)
        out = self.model(input_ids=batch, attention_mask=mask).last_hidden_state
        return [o[: len(i)] for o, i in zip(out, ids)]

    def contexts(self, texts):
        """list of captions -> [B, TEXT_LEN, 384], zero rows after the last token."""
        out = torch.zeros(len(texts), TEXT_LEN, TEXT_DIM, device=self.device)
        for row, s in zip(out, self.states(texts)):
            row[: len(s)] = s
        return out
