"""Paths of subjects and cameras, for a whole batch at once.

Everything is [B, K, T] (clips, subjects, frames) or [B, T]; u runs from 0 to 1 over the clip.  World units: a camera view is
1 x 1, y grows downwards.  `r` holds uniform random numbers [B, K, 16], so that a spec's seed fixes its clip.
"""
import math

import torch

from . import vocabulary as V

KINDS = ["walker", "vehicle", "flyer", "swimmer", "boat", "ball", "thing"]
AIRBORNE = torch.tensor([k in ("flyer", "swimmer") for k in KINDS])


def ease(u):
    """Smooth 0..1 -> 0..1."""
    return u * u * (3 - 2 * u)


def bounce_table(restitution: float, samples: int = 2048, until: float = 8.0):
    """Height of a ball dropped from 1, time in units of its first fall (gravity 2): parabolas that lose (1 - restitution) of speed."""
    tau = torch.linspace(0, until, samples)
    height, start, speed = 1 - tau.square(), torch.tensor(1.0), 2 * restitution
    height = torch.where(tau < 1, height, torch.zeros_like(tau))
    for _ in range(24):
        local = tau - start
        height = torch.where((local >= 0) & (local < speed), speed * local - local.square(), height)
        start, speed = start + speed, speed * restitution
    return height.clamp(min=0)


_BOUNCE = {e: bounce_table(e) for e in (0.8, 0.35)}


def bounce(tau, restitution):
    table = _BOUNCE[restitution].to(tau.device)
    i = (tau / 8 * (len(table) - 1)).clamp(0, len(table) - 1.001)
    low = i.long()
    return torch.lerp(table[low], table[low + 1], i - low)


def subject_paths(motion, kind, mirror, size, x0, ground, rest, r, T):
    """motion, kind [B, K] indices; mirror [B, K] -1 (drawing looks left), 1 (right), 0 (front); size, x0, ground [B, K];
    rest [B, K]: y of the centre at rest -> dict of [B, K, T]: x, y, sx (signed half width), sy, rot."""
    u = torch.linspace(0, 1, T, device=size.device).view(1, 1, T)
    c = lambda i: r[..., i, None]  # [B, K, 1]
    signed = lambda i: torch.where(c(i) < 0.5, -1.0, 1.0)
    size, x0, ground, rest = size[..., None], x0[..., None], ground[..., None], rest[..., None]
    air = AIRBORNE.to(size.device)[kind][..., None].float()
    is_kind = lambda name: (kind == KINDS.index(name))[..., None].float()
    zero = torch.zeros_like(x0 + u)
    x, y = zero + x0, zero + rest
    scale, squash, rot = zero + 1, zero.clone(), zero.clone()
    sway = 0.015 * torch.sin(2 * math.pi * (u * 1.5 + c(0)))
    y = y + air * sway + is_kind("boat") * sway * 0.7
    flip = torch.where((mirror[..., None] != 0) & (c(1) < 0.5), -1.0, 1.0) + zero

    def at(name, **new):
        nonlocal x, y, scale, squash, rot, flip
        mask = (motion == V.MOTION_IDS.index(name))[..., None]
        x, y = torch.where(mask, new.get("x", x), x), torch.where(mask, new.get("y", y), y)
        scale, squash = torch.where(mask, new.get("scale", scale), scale), torch.where(mask, new.get("squash", squash), squash)
        rot, flip = torch.where(mask, new.get("rot", rot), rot), torch.where(mask, new.get("flip", flip), flip)

    for name, sign in (("left", -1.0), ("right", 1.0)):
        travel = 0.62 + 0.26 * c(2)
        path = x0 + sign * travel * (u - 0.5)
        walker, swimmer = is_kind("walker"), is_kind("swimmer") + is_kind("flyer")
        wave = torch.sin(2 * math.pi * (u * 1.5 + c(0)))
        at(name, x=path, y=rest - walker * 0.035 * torch.sin(math.pi * u * 6).abs() + swimmer * 0.03 * wave + is_kind("boat") * 0.01 * wave,
           rot=walker * 0.06 * torch.sin(2 * math.pi * u * 3) + (is_kind("ball") + 0 * u) * path / (size / 2) + is_kind("boat") * 0.04 * wave,
           flip=torch.where(mirror[..., None] == 0, 1.0, sign * mirror[..., None]) + zero)
    hops = torch.where(c(3) < 0.5, 2.0, 3.0)
    p = torch.where(u == 1, torch.zeros_like(u), u) * hops % 1.0
    leap = ((p - 0.15) / 0.7).clamp(0, 1)
    crouch = ((0.15 - p).clamp(min=0) + (p - 0.85).clamp(min=0)) / 0.15
    at("jump", y=rest - 4 * (0.18 + 0.14 * c(2)) * leap * (1 - leap), squash=0.15 * crouch)
    somersault = -2 * math.pi * ease(leap) * signed(4)
    at("flip", y=rest - 4 * 0.24 * leap * (1 - leap), squash=0.15 * crouch, rot=somersault)
    drop = (0.42 + 0.16 * c(2)) * bounce(u * (4.2 + 1.6 * c(3)), 0.8)
    at("bounce", y=ground - size / 2 - drop, squash=0.16 * (1 - drop / 0.05).clamp(0, 1), rot=is_kind("ball") * u * 2.4 * signed(4))
    start = -0.52 - size / 2 + 0.1 * c(2)
    at("fall", y=ground - size / 2 + (start - (ground - size / 2)) * bounce(u / (0.55 + 0.2 * c(3)), 0.35))
    low = torch.minimum(rest + 0.12, ground - size / 2)
    at("rise", y=low + (-0.36 - low) * ease(u), x=x0 + 0.03 * torch.sin(2 * math.pi * (u + c(0))))
    for name, k in (("grow", ease(u)), ("shrink", 1 - ease(u))):
        s = 0.32 + 0.88 * k
        at(name, scale=s + zero, y=torch.where(air > 0, y, ground - size * s / 2))
    at("spin", rot=2 * math.pi * u * signed(4) + zero, y=rest - 0.03)
    at("shake", x=x0 + 0.035 * torch.sin(2 * math.pi * u * 6), rot=0.14 * torch.sin(2 * math.pi * u * 6) + zero)
    angle = 2 * math.pi * (u * signed(4) + c(0))
    at("circle", x=x0 + 0.21 * torch.cos(angle), y=-0.05 + 0.19 * torch.sin(angle) + 0 * y)
    beat = torch.sin(2 * math.pi * u * 3)
    at("dance", x=x0 + 0.045 * beat, rot=0.2 * beat + zero, y=rest - 0.05 * torch.sin(2 * math.pi * u * 6).abs(), squash=0.05 * (1 - beat.abs()) + zero)
    grounded = 1 - air
    at("still", squash=grounded * (0.02 + 0.02 * torch.sin(2 * math.pi * u * 1.5)))
    half = size / 2 * scale
    sy = half * (1 - squash)
    return {"x": x, "y": y + half - sy, "sx": half * (1 + 0.6 * squash) * flip, "sy": sy, "rot": rot}


def camera_paths(camera, r, T):
    """camera [B] index, r [B, 2] -> cx, cy, zoom [B, T]."""
    t = torch.linspace(0, 1, T, device=r.device)[None]
    u = 0.6 * ease(t) + 0.4 * t
    is_ = lambda name: (camera == V.CAMERA_IDS.index(name)).float()[:, None]
    span = 0.42 + 0.14 * r[:, :1]
    cx = (is_("pan_right") - is_("pan_left")) * (u - 0.5) * span
    cy = is_("tilt_up") * (0.12 - 0.32 * u) + is_("tilt_down") * (-0.2 + 0.32 * u)
    grow = is_("zoom_in") * u + is_("zoom_out") * (1 - u)
    zoom = 1 + (0.5 + 0.25 * r[:, 1:]) * grow
    return cx, cy + 0.12 * (1 - 1 / zoom), zoom
