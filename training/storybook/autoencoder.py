"""The video autoencoder, built from a module list that is data: `autoencoder_config.json` describes it whole.

Module types (video folded into the batch: x is [B*T, C, H, W]); the engine in the browser builds the same from the same list:
  conv             {in, out, kernel, bias}          2-D convolution, zero padding (kernel - 1) / 2, stride 1
  relu
  memblock         {channels}                       relu(conv(relu(conv(relu(conv([x, past]))))) + x); past = x one time step
                                                    earlier (zeros first); weights conv.0, conv.2, conv.4 (3x3), as in TAEHV
  time_to_channels {stride}                         [B*T, C] -> [B*T/stride, stride*C], earlier frame first (TAEHV's TPool, first half)
  channels_to_time {stride}                         the reverse (TAEHV's TGrow, second half)
  pixel_unshuffle, pixel_shuffle {factor}           as torch's
  sum              {branches: [[...], [...]]}       every branch gets x; outputs are added; an empty branch is the identity
Tensor names are the paths in the lists: `decoder.0.0.0.weight` = decoder module 0, branch 0, module 0.

Frames and latents: 4n+1 frames <-> n+1 latent frames.  `encode` puts 3 extra copies of the first frame in front, `decode` drops
the first 3 frames.  Video tensors are [B, T, C, H, W].
"""
import json

import torch
import torch.nn as nn
import torch.nn.functional as F

from .fast_conv import Conv2d


def make_config(latent=48, encoder_width=160, encoder_blocks=2, decoder_width=192, decoder_blocks=4, refine=32) -> dict:
    """Everything on the latent grid once per latent frame, beside a linear shortcut; then a light pass at half resolution.

    16 channels leave the shuffle for the refinement: 12 are the picture (2x2 pixels x 3), 4 are hints.
    """
    conv = lambda i, o, k=3, bias=True: {"type": "conv", "in": i, "out": o, "kernel": k, "bias": bias}
    relu = {"type": "relu"}
    mem = lambda n: {"type": "memblock", "channels": n}
    enc, dec = encoder_width, decoder_width
    encoder = [{"type": "pixel_unshuffle", "factor": 2}, {"type": "pixel_unshuffle", "factor": 4}, {"type": "time_to_channels", "stride": 4},
               {"type": "sum", "branches": [[conv(768, latent, 1)], [conv(768, enc, 1), relu] + [mem(enc)] * encoder_blocks + [conv(enc, latent)]]}]
    decoder = [{"type": "sum", "branches": [[conv(latent, 1024, 1)], [conv(latent, dec), relu] + [mem(dec)] * decoder_blocks + [conv(dec, 1024, 1)]]},
               {"type": "channels_to_time", "stride": 4}, {"type": "pixel_shuffle", "factor": 4},
               {"type": "sum", "branches": [[conv(16, 12, 1)], [conv(16, refine), relu, conv(refine, refine), relu, conv(refine, 12)]]},
               {"type": "pixel_shuffle", "factor": 2}]
    return {"_class": "ModuleListAutoencoder", "image_channels": 3, "latent_channels": latent, "spatial_factor": 8, "temporal_factor": 4,
            "encoder": encoder, "decoder": decoder}


class MemBlock(nn.Module):
    """Residual block over a time step and the one before it."""

    def __init__(self, n):
        super().__init__()
        conv = lambda i: Conv2d(i, n, 3, padding=1)
        self.conv = nn.Sequential(conv(2 * n), nn.ReLU(), conv(n), nn.ReLU(), conv(n))

    def forward(self, x, batch):
        frames = x.view(batch, -1, *x.shape[1:])
        past = F.pad(frames, (0, 0, 0, 0, 0, 0, 1, 0))[:, :-1].flatten(0, 1).contiguous(memory_format=torch.channels_last)
        return F.relu(self.conv(torch.cat([x, past], 1)) + x)


class Reshape(nn.Module):
    def __init__(self, kind, n):
        super().__init__()
        self.kind, self.n = kind, n

    def forward(self, x, batch):
        bt, c, h, w = x.shape
        if self.kind == "time_to_channels":
            return x.reshape(bt // self.n, c * self.n, h, w)
        if self.kind == "channels_to_time":
            return x.reshape(bt * self.n, c // self.n, h, w)
        return (F.pixel_shuffle if self.kind == "pixel_shuffle" else F.pixel_unshuffle)(x, self.n)


class Plain(nn.Module):
    """A chain of modules; its children are named by their index."""

    def __init__(self, items):
        super().__init__()
        for i, item in enumerate(items):
            self.add_module(str(i), build(item))

    def forward(self, x, batch):
        for module in self.children():
            x = module(x) if isinstance(module, (nn.Conv2d, nn.ReLU)) else module(x, batch)
        return x


class Sum(Plain):
    def __init__(self, branches):
        nn.Module.__init__(self)
        for i, branch in enumerate(branches):
            self.add_module(str(i), Plain(branch))

    def forward(self, x, batch):
        return sum(branch(x, batch) for branch in self.children())


def build(item: dict) -> nn.Module:
    kind = item["type"]
    if kind == "conv":
        return Conv2d(item["in"], item["out"], item["kernel"], padding=item["kernel"] // 2, bias=item["bias"])
    if kind == "relu":
        return nn.ReLU()
    if kind == "memblock":
        return MemBlock(item["channels"])
    if kind == "sum":
        return Sum(item["branches"])
    return Reshape(kind, item.get("stride") or item["factor"])


class Autoencoder(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.encoder, self.decoder = Plain(config["encoder"]), Plain(config["decoder"])
        self.pad = config["temporal_factor"] - 1
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, nonlinearity="relu")
                if m.bias is not None:
                    nn.init.zeros_(m.bias)
            elif isinstance(m, MemBlock):
                m.conv[-1].weight.data *= 0.3
        for m in self.modules():  # residual branches start silent: the model starts as its linear shortcut
            if isinstance(m, Sum):
                last = list(list(m.children())[1].children())[-1]
                nn.init.zeros_(last.weight), nn.init.zeros_(last.bias)

    def encode(self, frames):
        """frames [B, 4n+1, 3, H, W] in [0, 1] -> latents [B, n+1, C, H/8, W/8]."""
        b = len(frames)
        x = torch.cat([frames[:, :1].expand(-1, self.pad, -1, -1, -1), frames], 1).flatten(0, 1)
        z = self.encoder(x.contiguous(memory_format=torch.channels_last), b)
        return z.reshape(b, -1, *z.shape[1:])

    def decode(self, latents):
        """latents [B, n+1, C, h, w] -> frames [B, 4n+1, 3, 8h, 8w], unclamped (clamp to [0, 1] for display)."""
        b = len(latents)
        y = self.decoder(latents.flatten(0, 1).contiguous(memory_format=torch.channels_last), b)
        return y.reshape(b, -1, *y.shape[1:])[:, self.pad:]

    @torch.no_grad()
    def pca_start(self, excerpts, power=0.5):
        """Sets the linear shortcuts to the best linear code of 4-frame 8x8 patches.  excerpts u8 [N, 4, 3, H, W].

        A channel of standard deviation s gets s**power (then all are scaled to a mean square of 1): 0 is fully whitened,
        1 keeps the pixels' own proportions.  Returns the channels' standard deviations before and after.
        """
        n = self.config["latent_channels"]
        device = excerpts.device
        x = F.pixel_unshuffle(F.pixel_unshuffle(excerpts.float().flatten(0, 1) / 255, 2), 4)  # [N*4, 192, h, w]
        x = x.view(-1, 768, *x.shape[2:]).permute(0, 2, 3, 1).reshape(-1, 768)
        mean = x.mean(0)
        cov = ((x - mean).T @ (x - mean) / len(x)).double().cpu()
        values, vectors = torch.linalg.eigh(cov)
        basis, std = vectors.flip(1)[:, :n].T.float().to(device), values.flip(0)[:n].sqrt().float().to(device)
        target = std.pow(power)
        target = target / target.square().mean().sqrt()
        encode, decode = basis * (target / std)[:, None], basis.T * (std / target)
        enc, dec, mix = self.encoder.get_submodule("3.0.0"), self.decoder.get_submodule("0.0.0"), self.decoder.get_submodule("3.0.0")
        enc.weight.copy_(encode[:, :, None, None]), enc.bias.copy_(-encode @ mean)
        # 768 = 4 frames x 12 picture channels x 16 places; the decoder has 16 channels there, of which the first 12 are the picture
        rows = torch.arange(1024).view(4, 16, 16)[:, :12].reshape(-1)
        nn.init.normal_(dec.weight, std=1e-3), nn.init.zeros_(dec.bias)
        dec.weight[rows] = decode[:, :, None, None].contiguous()
        dec.bias[rows] = mean
        mix.weight.zero_(), mix.bias.zero_()
        mix.weight[torch.arange(12), torch.arange(12)] = 1
        return std, target

    @torch.no_grad()
    def rescale(self, factor, shift):
        """Changes the latents to (z - shift) * factor per channel without changing the decoded pictures (but at the borders)."""
        for path in ("3.0.0", f"3.1.{len(self.config['encoder'][3]['branches'][1]) - 1}"):
            m = self.encoder.get_submodule(path)
            m.weight *= factor.view(-1, 1, 1, 1)
            m.bias *= factor
        self.encoder.get_submodule("3.0.0").bias.sub_(shift * factor)
        for path in ("0.0.0", "0.1.0"):
            m = self.decoder.get_submodule(path)
            m.bias += (m.weight.sum((2, 3)) * shift).sum(1)
            m.weight /= factor.view(1, -1, 1, 1)


def save(model, weights, config_path, dtype=torch.float16):
    from safetensors.torch import save_file
    save_file({k: v.detach().cpu().to(dtype).contiguous() for k, v in model.state_dict().items()}, weights)
    json.dump(model.config, open(config_path, "w"), indent=1)


def load(weights, config_path):
    from safetensors.torch import load_file
    model = Autoencoder(json.load(open(config_path)))
    model.load_state_dict({k: v.float() for k, v in load_file(weights).items()})
    return model.eval().requires_grad_(False)
