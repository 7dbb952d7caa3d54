"""2-D convolution whose backward pass is written with forward convolutions and matrix products.

On CPUs with AMX, oneDNN's bf16 forward convolution is 5-10 times faster than f32, but its bf16 weight gradient is up to 30
times slower than f32 for the shapes here (12 pictures of 16 x 16: 208 ms against 7 ms for 768 -> 48 channels, 1x1).  As
matrix products over the nine shifts the whole backward pass takes about as long as two forward passes.
"""
import torch
import torch.nn as nn
import torch.nn.functional as F


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, bias):
        x = x.to(torch.bfloat16).contiguous(memory_format=torch.channels_last)
        w = weight.to(torch.bfloat16)
        ctx.save_for_backward(x, w)
        return F.conv2d(x, w.contiguous(memory_format=torch.channels_last), None if bias is None else bias.to(torch.bfloat16), padding=w.shape[-1] // 2)

    @staticmethod
    def backward(ctx, g):
        x, w = ctx.saved_tensors
        g = g.to(torch.bfloat16).contiguous(memory_format=torch.channels_last)
        k, pad = w.shape[-1], w.shape[-1] // 2
        gx = gw = gb = None
        if ctx.needs_input_grad[0]:
            gx = F.conv2d(g, w.transpose(0, 1).flip(2, 3).contiguous(memory_format=torch.channels_last), padding=pad)
        rows = g.permute(0, 2, 3, 1).reshape(-1, g.shape[1])  # [N*H*W, out]
        if ctx.needs_input_grad[1]:
            n, _, h, wide = x.shape
            field = F.pad(x.permute(0, 2, 3, 1), (0, 0, pad, pad, pad, pad))  # [N, H+2p, W+2p, in]
            gt, gw = rows.T.contiguous(), torch.empty(w.shape, dtype=torch.float32)
            for i in range(k):
                for j in range(k):
                    gw[:, :, i, j] = gt @ field[:, i:i + h, j:j + wide].reshape(-1, x.shape[1])
        if ctx.needs_input_grad[2]:
            gb = rows.sum(0, dtype=torch.float32)
        return gx, gw, gb


class Conv2d(nn.Conv2d):
    """nn.Conv2d (stride 1, odd kernel) that takes the route above under CPU autocast to bf16."""

    def forward(self, x):
        # with few channels (the refinement at half resolution) oneDNN itself is fast
        if self.in_channels >= 48 and x.device.type == "cpu" and torch.is_autocast_enabled("cpu") and torch.is_grad_enabled():
            with torch.autocast("cpu", enabled=False):
                return _Convolution.apply(x, self.weight, self.bias)
        return super().forward(x)
