"""Golden cases of a bundle, for parity tests of other engines (f32 arithmetic on the stored f16 weights).

  python -m storybook.golden --bundle out --text-encoder minilm

golden.safetensors, for each case i ("0", "1", "i2v"):
  i.ids i64 [n]; i.context, i.uncond f32 [48, 384]; i.noise f32 [C, F, h, w]; i.sigmas f32 [steps + 1]; i.timesteps f32 [tokens];
  i.first_cond, i.first_uncond f32 (the network's own output at the first step); i.latents f32 (after all steps); i.frames u8 [4F-3, 3, H, W]
"i2v" has its first latent frame given (i2v.known); encode.frames u8 → encode.latents f32 [F, C, h, w].
"""
import argparse
import json
import os

import torch
from safetensors.torch import save_file

from . import diffusion as D
from .bundle import Bundle

PROMPTS = ["a dog jumps on the beach at sunset, the camera zooms in", "a red car drives to the right in the city, pixel art"]


@torch.no_grad()
def main(argv=None):
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--bundle", required=True)
    p.add_argument("--text-encoder", required=True)
    p.add_argument("--guidance", type=float, default=4.0)
    p.add_argument("--size", type=int, help="pixels a side (default: the model's; a small one keeps the file small)")
    p.add_argument("--frames", type=int)
    a = p.parse_args(argv)
    b = Bundle(a.bundle, a.text_encoder)
    d, channels = b.info["defaults"], b.autoencoder.config["latent_channels"]
    d.update({k: v for k, v in (("width", a.size), ("height", a.size), ("frames", a.frames)) if v})
    frames, h, w, steps, shift = (d["frames"] - 1) // 4 + 1, d["height"] // 8, d["width"] // 8, d["steps"], d["shift"]
    tokens = (h // b.transformer.patch) * (w // b.transformer.patch)
    uncond, out = b.text.contexts([""]), {}

    def case(name, prompt, seed, known=None):
        context = b.text.contexts([prompt])
        noise = torch.randn(1, channels, frames, h, w, generator=torch.Generator().manual_seed(seed))
        given = torch.zeros(frames)
        given[0] = known is not None
        sigma = D.sigma_schedule(steps, shift)[0] * (1 - given)[None]
        x = noise if known is None else torch.where(given.view(1, 1, -1, 1, 1) > 0, known, noise)
        z = D.sample(b.transformer, context, uncond, noise, steps, a.guidance, shift, known, given)
        pictures = (b.autoencoder.decode(z.transpose(1, 2)).clamp(0, 1) * 255).round().to(torch.uint8)
        values = dict(ids=torch.tensor(b.text.ids(prompt)), context=context[0], uncond=uncond[0], noise=noise[0], sigmas=D.sigma_schedule(steps, shift),
                      timesteps=(1000 * sigma[0]).repeat_interleave(tokens), first_cond=b.transformer.output(x, sigma, context)[0],
                      first_uncond=b.transformer.output(x, sigma, uncond)[0], latents=z[0], frames=pictures[0])
        out.update({f"{name}.{k}": v.contiguous().clone() for k, v in values.items()})
        return z, pictures

    z0, pictures = case("0", PROMPTS[0], 1)
    case("1", PROMPTS[1], 2)
    case("i2v", PROMPTS[0], 3, z0)
    out["i2v.known"] = z0[0].contiguous().clone()
    out["encode.frames"] = pictures[0].contiguous().clone()
    out["encode.latents"] = b.autoencoder.encode(pictures.float() / 255)[0].contiguous()
    save_file(out, os.path.join(a.bundle, "golden.safetensors"))
    json.dump({"prompts": PROMPTS, "i2v_prompt": PROMPTS[0], "steps": steps, "guidance": a.guidance, "shift": shift,
               "timestep": "1000 * sigma per token, token order (t, h/2, w/2)", "size": d["width"], "frames": d["frames"], "fps": d["fps"],
               "text_len": d.get("text_len", 48), "cfg": "v = uncond + guidance * (cond - uncond)", "euler": "x += (sigma_next - sigma) * v"},
              open(os.path.join(a.bundle, "golden.json"), "w"), indent=1)


if __name__ == "__main__":
    main()
