"""A BERT small enough to commit, with the answer of transformers' BertModel: tiny-bert.safetensors.

python make-tiny-bert.py        (torch, transformers, safetensors)

all-MiniLM-L6-v2's own weights are only here rounded, which hides small mistakes; these are exact. Every weight is
random, norms and biases included. It prints what a mistake would change, of the states' standard deviation: tanh for
erf GELU 1e-3, another token type or position 2.4; an eps of 1e-6 would not show (2e-6).
"""
import json
import pathlib

import torch
from safetensors.torch import save_file
from transformers import BertConfig, BertModel

torch.set_grad_enabled(False)
torch.set_num_threads(1)
CONFIG = dict(vocab_size=40, hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=40, hidden_act="gelu",
              max_position_embeddings=16, type_vocab_size=2, layer_norm_eps=1e-12)


def model(**changes):
    config = BertConfig(**{**CONFIG, **changes}, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    config._attn_implementation = "eager"
    m = BertModel(config, add_pooling_layer=False).eval()
    g = torch.Generator().manual_seed(5)
    for name, p in sorted(m.named_parameters()):
        r = torch.randn(p.shape, generator=g)
        p.copy_(1.2 + 0.3 * r if name.endswith("LayerNorm.weight") else 0.3 * r if p.ndim == 1 else r if "embeddings" in name else 1.5 * r / p.shape[1] ** 0.5)
    return m


def main():
    ids = torch.tensor([[2, 17, 5, 5, 39, 8, 3]])
    m = model()
    states = m(input_ids=ids).last_hidden_state
    change = lambda other: float((other - states).abs().max() / states.std())
    print("tanh GELU", change(model(hidden_act="gelu_new")(input_ids=ids).last_hidden_state))
    print("token type 1", change(m(input_ids=ids, token_type_ids=torch.ones_like(ids)).last_hidden_state))
    print("positions from 1", change(m(input_ids=ids, position_ids=torch.arange(1, 8)[None]).last_hidden_state))
    print("eps 1e-6", change(model(layer_norm_eps=1e-6)(input_ids=ids).last_hidden_state))
    tensors = {name: p.detach().clone() for name, p in m.named_parameters()}
    tensors |= {"golden.ids": ids[0].int(), "golden.states": states[0].clone()}
    out = pathlib.Path(__file__).with_name("tiny-bert.safetensors")
    save_file(tensors, str(out), metadata={"config": json.dumps(CONFIG)})
    out.chmod(0o644)


if __name__ == "__main__":
    main()
