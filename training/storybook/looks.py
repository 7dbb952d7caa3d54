"""The eight looks as picture filters on [B, T, 3, S, S] in [0, 1]; lines and blocks scale with the picture's size."""
import torch
import torch.nn.functional as F

from . import vocabulary as V


def _grey(f):
    return (f * torch.tensor([0.3, 0.59, 0.11], device=f.device).view(3, 1, 1)).sum(-3, keepdim=True)


def _blur(f, k):
    flat = F.pad(f.flatten(0, -4), (k, k, k, k), mode="replicate")
    return F.avg_pool2d(flat, 2 * k + 1, 1).view_as(f)


def _edges(f, width):
    """Size of the colour step across `width` pixels, [..., 1, S, S]."""
    pad = F.pad(f.flatten(0, -4), (0, width, 0, width), mode="replicate").view(*f.shape[:-2], f.shape[-2] + width, f.shape[-1] + width)
    across, down = pad[..., :-width, width:] - f, pad[..., width:, :-width] - f
    return (across.abs() + down.abs()).amax(-3, keepdim=True)


def _bw(f, line):
    return _grey(f).expand_as(f)


def _sepia(f, line):
    return (_grey(f) * 0.9 + 0.06) * torch.tensor([1.06, 0.86, 0.62], device=f.device).view(3, 1, 1)


def _pixel(f, line):
    s = f.shape[-1]
    low = F.interpolate(f.flatten(0, -4), size=32 if s >= 64 else s // 2, mode="area")
    return F.interpolate((low * 5).round() / 5, size=s, mode="nearest").view_as(f)


def _pencil(f, line):
    edge = _edges(f, line)
    return ((0.80 + 0.17 * _grey(f)) * (1 - (edge * 1.6).clamp(0, 0.8))).expand_as(f)


def _neon(f, line):
    edge, near = _edges(f, line), F.max_pool2d(f.flatten(0, -4), 2 * line + 1, 1, line).view_as(f)
    hue = (near / near.amax(-3, keepdim=True).clamp(min=0.2)).square()
    return torch.tensor([0.04, 0.02, 0.12], device=f.device).view(3, 1, 1) + (edge * 2.2).clamp(0, 1) * hue


def _watercolour(f, line):
    soft = _blur(_blur(f, line), line)
    rim = _edges(soft, line)
    return (0.3 + 0.7 * soft) * (1 - (rim * 0.5).clamp(0, 0.25))


def _comic(f, line):
    bright = ((f - 0.5) * 1.25 + 0.55).clamp(0, 1)
    flat = (bright * 4).round() / 4
    ink = ((_edges(_blur(f, 1), line) - 0.16) * 5).clamp(0, 1)
    return flat * (1 - 0.9 * ink)


FILTERS = {"bw": _bw, "sepia": _sepia, "pixel": _pixel, "pencil": _pencil, "neon": _neon, "watercolour": _watercolour, "comic": _comic}


def apply_looks(frames, look):
    """frames [B, T, 3, S, S], changed in place; look [B] indices into LOOK_IDS."""
    line = max(1, frames.shape[-1] // 64)
    frames.clamp_(0, 1)
    for name, filter in FILTERS.items():
        rows = (look == V.LOOK_IDS.index(name)).nonzero()[:, 0]
        if len(rows):
            frames[rows] = filter(frames[rows], line)
