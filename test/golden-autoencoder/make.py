"""Makes this folder's taew/module-list: a ModuleListAutoencoder of random weights and what training/storybook's PyTorch computes with it.

  python test/golden-autoencoder/make.py

The same tensors as test/fixtures/taew has, so that the same tests read them: latents, frames (clamped), frames_unclamped, decoder.I and
encoder.I (outputs of the modules), video, video_padded_frames, encoded.
"""
import json
import pathlib
import sys

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "training"))
from storybook import autoencoder as AE  # noqa: E402

torch.manual_seed(81)
torch.set_grad_enabled(False)
# A small one of the shape that is trained, and one more sum within a sum, with an empty branch and a memory block at another size.
config = AE.make_config(latent=6, encoder_width=12, encoder_blocks=1, decoder_width=10, decoder_blocks=2, refine=7)
memory = [{"type": "memblock", "channels": 16}]
config["decoder"][3]["branches"].append([{"type": "sum", "branches": [[], [{"type": "conv", "in": 16, "out": 16, "kernel": 1, "bias": True}], memory]}, {"type": "conv", "in": 16, "out": 12, "kernel": 1, "bias": False}])
model = AE.Autoencoder(config).eval()
for name, weight in model.named_parameters():
    bound = 0.7 / max(1, weight[0].numel()) ** 0.5 if weight.ndim > 1 else 0.2
    weight.copy_((torch.randn(weight.shape) * bound).to(torch.float16).float())

out = pathlib.Path(__file__).parent / "taew/module-list"
out.mkdir(parents=True, exist_ok=True)
golden = {}


def run(side, modules, x, batch=1):
    for index, module in enumerate(modules.children()):
        x = module(x) if isinstance(module, torch.nn.ReLU) else module(x, batch)
        golden[f"{side}.{index}"] = x
    return x


latents = torch.randn(3, 6, 3, 4)
frames = run("decoder", model.decoder, latents)
assert torch.allclose(frames[3:], model.decode(latents[None])[0], atol=1e-5)
video = torch.rand(9, 3, 24, 32).to(torch.float16)
padded = torch.cat([video[:1].expand(3, -1, -1, -1), video]).float()
encoded = run("encoder", model.encoder, padded)
assert torch.allclose(encoded, model.encode(video.float()[None])[0], atol=1e-5)
golden.update(latents=latents, frames=frames.clamp(0, 1), frames_unclamped=frames, video=video, video_padded_frames=torch.tensor([len(padded)], dtype=torch.int32), encoded=encoded)
keep = lambda name: not name.startswith(("decoder.", "encoder.")) or golden[name].numel() < 20000
save_file({k: v.contiguous().clone() for k, v in golden.items() if keep(k)}, out / "golden.safetensors")
save_file({k: v.to(torch.float16).contiguous() for k, v in model.state_dict().items()}, out / "weights.safetensors")
(out / "config.json").write_text(json.dumps(config, indent=1) + "\n")
print({k: (tuple(v.shape), round(float(v.float().std()), 3)) for k, v in golden.items()})
