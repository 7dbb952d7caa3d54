"""The Wan transformer, written for training: one timestep per latent frame, broadcast over the frame's tokens.

Parameter names and results are those of diffusers' `WanTransformer3DModel` (tests compare them), so that weights go either
way; this one skips what diffusers does per token (time embeddings, modulation tables), which matters on a CPU.
"""
import json
import math

import torch
import torch.nn as nn
import torch.nn.functional as F

TEXT_DIM, FREQ_DIM = 384, 256
COLUMN_TURNS = 10  # angles by which rotary embedding turns for a token's column; the first as many of its frame's go with them


def make_config(layers=8, heads=6, channels=48, ffn=4, patch=2, sigma_data=None, positions=True) -> dict:
    """As diffusers writes it, whether tokens know their place (`PositionEmbedding`) and how the output is read (`velocity_terms`).  Head dimension 64."""
    return {"_class_name": "WanTransformer3DModel", "patch_size": [1, patch, patch], "num_attention_heads": heads, "attention_head_dim": 64,
            "in_channels": channels, "out_channels": channels, "text_dim": TEXT_DIM, "freq_dim": FREQ_DIM, "ffn_dim": 64 * heads * ffn, "num_layers": layers,
            "cross_attn_norm": True, "qk_norm": "rms_norm_across_heads", "eps": 1e-6, "image_dim": None, "added_kv_proj_dim": None,
            "rope_max_seq_len": 64, "pos_embed_seq_len": None, "rope_position_embedding": positions, "sigma_data": sigma_data}


def velocity_terms(sigma, sigma_data):
    """-> (a, b): velocity = a * latents + b * the network's output, for sigma in (0, 1] of any shape.

    sigma_data None: the output is the velocity (0, 1).  Else the preconditioning of Karras et al. 2022 (arXiv 2206.00364, table 1)
    for latents x = (1 - sigma) x0 + sigma noise, x0 of standard deviation sigma_data: x0 = skip * x + scale * output.  The output
    is then x0 in strong noise and the noise in weak noise, and 0 is the best linear guess, so that a small network need not
    carry 2 x 2 x 48 numbers of noise from its input to its output.
    """
    if sigma_data is None:
        return torch.zeros_like(sigma), torch.ones_like(sigma)
    sigma = sigma.clamp(min=1e-3)
    signal = (1 - sigma) * sigma_data
    power = signal.square() + sigma.square()
    skip, scale = signal * sigma_data / power, sigma * sigma_data / power.sqrt()
    return (1 - skip) / sigma, -scale / sigma


class Pair(nn.Module):
    """Two linears named linear_1, linear_2 with an activation between."""

    def __init__(self, n_in, n, activation):
        super().__init__()
        self.linear_1, self.linear_2, self.activation = nn.Linear(n_in, n), nn.Linear(n, n), activation

    def forward(self, x):
        return self.linear_2(self.activation(self.linear_1(x)))


class Conditions(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.time_embedder = Pair(FREQ_DIM, dim, F.silu)
        self.time_proj = nn.Linear(dim, 6 * dim)
        self.text_embedder = Pair(TEXT_DIM, dim, lambda x: F.gelu(x, approximate="tanh"))


class PositionEmbedding(nn.Module):
    """Where a token is, added to it: a linear map of the cosines and sines that rotary embedding turns its queries and keys by.

    Rotary embedding alone tells only how far tokens are apart.  In pure noise all tokens are alike then, and a small network spends its
    depth on finding out where each is; Wan's own weights leave this out.  `travel` maps products of the frame's and the column's cosines and
    sines, which sum to those of column minus and plus frame: what crosses the picture stands still there, while a sum of a frame's and
    a column's embedding can't tell a token which part of it it holds.  The first two are zero at first, so that weights without them can go on;
    `travel` is not, because from zero it grew slowly.
    """

    def __init__(self, dim):
        super().__init__()
        self.cos, self.sin, self.travel = nn.Linear(32, dim, bias=False), nn.Linear(32, dim, bias=False), nn.Linear(4 * COLUMN_TURNS, dim, bias=False)
        nn.init.zeros_(self.cos.weight), nn.init.zeros_(self.sin.weight), nn.init.normal_(self.travel.weight, std=0.05)

    def forward(self, rope):
        """The tables of `Transformer.rope` -> [F*h*w, D]"""
        cos, sin = rope[0][:, 0, ::2], rope[1][:, 0, ::2]
        (ct, cw), (st, sw) = ((t[:, :COLUMN_TURNS], t[:, -COLUMN_TURNS:]) for t in (cos, sin))
        return self.cos(cos) + self.sin(sin) + self.travel(torch.cat([ct * cw, st * sw, st * cw, ct * sw], 1))


class RMSNorm(nn.Module):
    def __init__(self, dim, eps):
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.ones(dim)), eps

    def forward(self, x):
        size = torch.linalg.vector_norm(x, dim=-1, keepdim=True, dtype=torch.float32)
        return x * torch.rsqrt(size.square() / x.shape[-1] + self.eps).to(x.dtype) * self.weight.to(x.dtype)


def rotate(x, turn):
    """Rotary embedding of interleaved pairs: x cos + (x with each pair (a, b) turned to (-b, a)) sin.

    x [B, L, heads, 64]; turn: cos, sin [L, 1, 64] and the quarter turn as a signed permutation [64, 64] (a small matrix product
    runs faster on a CPU than strided pairs).
    """
    cos, sin, quarter = (t.to(x.dtype) for t in turn)
    return torch.addcmul(x * cos, x @ quarter, sin)


def attend(q, k, v):
    """Attention of [B, heads, L, 64].  On a CPU as plain products: at these lengths its flash kernel's backward pass is slower."""
    if q.device.type != "cpu":
        return F.scaled_dot_product_attention(q, k, v)
    weights = (q * 0.125) @ k.transpose(-1, -2)
    return weights.softmax(-1) @ v


class Attention(nn.Module):
    def __init__(self, dim, heads, eps):
        super().__init__()
        self.heads = heads
        self.to_q, self.to_k, self.to_v = (nn.Linear(dim, dim) for _ in range(3))
        self.to_out = nn.ModuleList([nn.Linear(dim, dim)])
        self.norm_q, self.norm_k = RMSNorm(dim, eps), RMSNorm(dim, eps)

    def forward(self, x, context=None, rope=None):
        source = x if context is None else context
        q, k, v = self.norm_q(self.to_q(x)), self.norm_k(self.to_k(source)), self.to_v(source)
        q, k, v = (t.unflatten(-1, (self.heads, -1)) for t in (q, k, v))
        if rope is not None:
            q, k = rotate(q, rope), rotate(k, rope)
        y = attend(*(t.transpose(1, 2).to(v.dtype) for t in (q, k, v)))
        return self.to_out[0](y.transpose(1, 2).flatten(2))


class FeedForward(nn.Module):
    def __init__(self, dim, inner):
        super().__init__()
        first = nn.Module()
        first.proj = nn.Linear(dim, inner)
        self.net = nn.ModuleList([first, nn.Identity(), nn.Linear(inner, dim)])

    def forward(self, x):
        return self.net[2](F.gelu(self.net[0].proj(x), approximate="tanh"))


class Block(nn.Module):
    def __init__(self, dim, heads, inner, eps):
        super().__init__()
        self.attn1, self.attn2 = Attention(dim, heads, eps), Attention(dim, heads, eps)
        self.norm2 = nn.LayerNorm(dim, eps)
        self.ffn = FeedForward(dim, inner)
        self.scale_shift_table = nn.Parameter(torch.randn(1, 6, dim) / dim ** 0.5)
        self.eps = eps

    def forward(self, x, context, time, rope):
        """x [B, F, S, D] (frames, tokens of a frame); time [B, F, 6, D]."""
        b, f, s, d = x.shape
        shift, scale, gate, shift_ff, scale_ff, gate_ff = (self.scale_shift_table[:, None] + time).to(x.dtype)[..., None, :, :].unbind(-2)  # [B, F, 1, D]
        h = torch.addcmul(shift, F.layer_norm(x, (d,), eps=self.eps), 1 + scale)
        x = torch.addcmul(x, self.attn1(h.view(b, f * s, d), rope=rope).view(b, f, s, d), gate)
        x = x + self.attn2(F.layer_norm(x, (d,), self.norm2.weight.to(x.dtype), self.norm2.bias.to(x.dtype), self.eps).view(b, f * s, d), context).view(b, f, s, d)
        h = torch.addcmul(shift_ff, F.layer_norm(x, (d,), eps=self.eps), 1 + scale_ff)
        return torch.addcmul(x, self.ffn(h), gate_ff)


class Transformer(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.routed = 0.0  # share of tokens that skip the middle blocks in training
        heads, channels, self.patch = config["num_attention_heads"], config["in_channels"], config["patch_size"][1]
        dim = 64 * heads
        self.patch_embedding = nn.Conv3d(channels, dim, (1, self.patch, self.patch), (1, self.patch, self.patch))
        self.condition_embedder = Conditions(dim)
        self.position_embedding = PositionEmbedding(dim) if config.get("rope_position_embedding") else None
        self.blocks = nn.ModuleList([Block(dim, heads, config["ffn_dim"], config["eps"]) for _ in range(config["num_layers"])])
        self.proj_out = nn.Linear(dim, self.patch ** 2 * channels)
        self.scale_shift_table = nn.Parameter(torch.randn(1, 2, dim) / dim ** 0.5)
        nn.init.zeros_(self.proj_out.weight), nn.init.zeros_(self.proj_out.bias)
        nn.init.normal_(self.condition_embedder.time_proj.weight, std=0.02), nn.init.zeros_(self.condition_embedder.time_proj.bias)
        with torch.no_grad():  # gates start small, so that a fresh block is nearly the identity
            for b in self.blocks:
                b.scale_shift_table.mul_(0.3)
        self._rope = {}

    def rope(self, f, h, w, device):
        """cos, sin [F*h*w, 1, 64] and the quarter turn: axis dims 24, 20, 20 of 64 (t, h, w), base 10000."""
        key = (f, h, w, device)
        if key not in self._rope:
            hw = 2 * (64 // 6)
            angles = []
            for n, dims, shape in ((f, 64 - 2 * hw, (f, 1, 1)), (h, hw, (1, h, 1)), (w, hw, (1, 1, w))):
                inverse = 1 / 10000 ** (torch.arange(0, dims, 2, dtype=torch.float64) / dims)
                angles.append((torch.arange(n, dtype=torch.float64)[:, None] * inverse).view(*shape, -1).expand(f, h, w, -1))
            a = torch.cat(angles, -1).view(f * h * w, 1, 32).repeat_interleave(2, -1)
            quarter = torch.zeros(64, 64)
            quarter[torch.arange(1, 64, 2), torch.arange(0, 64, 2)] = -1
            quarter[torch.arange(0, 64, 2), torch.arange(1, 64, 2)] = 1
            self._rope[key] = tuple(t.float().to(device) for t in (a.cos(), a.sin(), quarter))
        return self._rope[key]

    def forward(self, latents, sigma, context, cover=None):
        """latents [B, C, F, H, W], sigma [B, F] in [0, 1], context [B, L, 384] -> velocity [B, C, F, H, W].

        cover [B, F, H, W] in [0, 1], in training: tokens that it covers are less often routed past the middle blocks."""
        skip, scale = (t[:, None, :, None, None] for t in velocity_terms(sigma, self.config.get("sigma_data")))
        return skip * latents + scale * self.output(latents, sigma, context, cover)

    @staticmethod
    def run_blocks(blocks, x, context, time, rope):
        for block in blocks:
            x = block(x, context, time, rope)
        return x

    def route(self, x, context, time, rope, favour):
        """In training, a random share of each frame's tokens goes past the middle blocks and joins the others again before the
        last ones: Krause et al. 2025 (TREAD, arXiv 2501.04765).  Less work a step, and fewer steps.  favour [S]: chances to stay."""
        b, f, s, d = x.shape
        kept = torch.multinomial(favour, round(s * (1 - self.routed))).sort().values
        cos, sin, quarter = rope
        part = tuple(t.view(f, s, 1, -1)[:, kept].flatten(0, 1) for t in (cos, sin)) + (quarter,)
        first, last = 1, len(self.blocks) - 1
        x = self.run_blocks(self.blocks[:first], x, context, time, rope)
        inner = self.run_blocks(self.blocks[first:last], x[:, :, kept], context, time, part)
        return self.run_blocks(self.blocks[last:], x.index_copy(2, kept, inner.to(x.dtype)), context, time, rope)

    def output(self, latents, sigma, context, cover=None):
        """What the network itself gives, in the shape of `forward`."""
        b, c, f, h, w = latents.shape
        p = self.patch
        h, w = h // p, w // p
        x = latents.view(b, c, f, h, p, w, p).permute(0, 2, 3, 5, 1, 4, 6).reshape(b, f, h * w, c * p * p)
        x = F.linear(x, self.patch_embedding.weight.flatten(1), self.patch_embedding.bias)  # bf16 from here on under autocast
        cond = self.condition_embedder
        freq = torch.exp(-math.log(10000) * torch.arange(FREQ_DIM // 2, device=x.device) / (FREQ_DIM // 2))
        angle = 1000 * sigma[..., None].float() * freq
        temb = cond.time_embedder(torch.cat([angle.cos(), angle.sin()], -1))  # [B, F, D]
        time = cond.time_proj(F.silu(temb)).unflatten(-1, (6, -1))
        context = cond.text_embedder(context)
        rope = self.rope(f, h, w, x.device)
        if self.position_embedding is not None:
            x = x + self.position_embedding(rope).view(f, h * w, -1).to(x.dtype)
        if self.training and self.routed:
            favour = torch.ones(h * w, device=x.device) if cover is None else 0.15 + F.avg_pool2d(cover.mean((0, 1))[None], p).flatten()
            x = self.route(x, context, time, rope, favour)
        else:
            x = self.run_blocks(self.blocks, x, context, time, rope)
        shift, scale = (self.scale_shift_table[:, None] + temb[..., None, :]).to(x.dtype)[..., None, :, :].unbind(-2)
        x = self.proj_out(torch.addcmul(shift, F.layer_norm(x, x.shape[-1:], eps=self.config["eps"]), 1 + scale))
        return x.float().view(b, f, h, w, p, p, c).permute(0, 6, 1, 2, 4, 3, 5).reshape(b, c, f, h * p, w * p)


def compile_blocks(model):
    """In place, a block at a time: compiled once for each shape, and checkpoints keep their names.  Where a compiler is missing it goes on without."""
    torch._dynamo.config.suppress_errors = True
    for block in model.blocks:
        block.compile(dynamic=False)


def save(state, config, weights, config_path, dtype=torch.float16):
    from safetensors.torch import save_file
    save_file({k: v.detach().cpu().to(dtype).contiguous() for k, v in state.items()}, weights)
    json.dump(config, open(config_path, "w"), indent=1)


def load(weights, config_path, positions=False):
    """positions: weights without a position embedding get an empty one."""
    from safetensors.torch import load_file
    config = json.load(open(config_path))
    model = Transformer({**config, "rope_position_embedding": True} if positions else config)
    empty = {k: v for k, v in model.state_dict().items() if k.startswith("position_embedding.")} if positions else {}
    model.load_state_dict({**empty, **{k: v.float() for k, v in load_file(weights).items()}})
    return model.eval().requires_grad_(False)
