"""Flow matching as Wan does it: x_sigma = (1 - sigma) x0 + sigma noise, v = noise - x0, timestep = 1000 sigma.

Latents are [B, C, F, h, w], sigmas per latent frame [B, F]; frames that are given have sigma 0.
"""
import torch


def sample_sigmas(batch, frames, device="cpu", conditioned=0.35, shift=1.6, width=1.1):
    """-> sigma [B, F], free [B, F] (1: the frame is noised and counts in the loss).

    A logit-normal sigma per clip (a fifth of the clips: uniform).  Its middle is 0.83: the latents' loudest channel (deviation 3.4)
    shows through the noise from sigma 0.95 on, and so what is where in a picture is decided above 0.8.

    `conditioned` of the clips keep clean frames: the first, the last, both ends, the first half, or any random subset.
    """
    sigma = torch.sigmoid(torch.randn(batch, device=device) * width + shift)
    sigma = torch.where(torch.rand(batch, device=device) < 0.2, torch.rand(batch, device=device), sigma)
    free = torch.ones(batch, frames, device=device)
    if frames > 1:
        kind = torch.randint(0, 6, (batch,), device=device)
        place = torch.arange(frames, device=device)
        clean = torch.rand(batch, frames, device=device) < torch.rand(batch, 1, device=device) * 0.8
        clean[(kind < 5)] = False
        clean[:, 0] |= (kind == 0) | (kind == 1) | (kind == 2)
        clean[:, -1] |= (kind == 2) | (kind == 3)
        clean |= (kind == 4)[:, None] & (place < (frames + 1) // 2)
        clean &= (torch.rand(batch, device=device) < conditioned)[:, None]
        clean[clean.all(1)] = False
        free = 1 - clean.float()
    return sigma[:, None] * free, free


def add_noise(x0, noise, sigma):
    s = sigma[:, None, :, None, None]
    return (1 - s) * x0 + s * noise


def sigma_schedule(steps, shift=3.0, jitter=0.0):
    """steps + 1 sigmas from 1 to 0, with Wan's shift: s' = shift s / (1 + (shift - 1) s).  jitter: share of a step by which those between are moved at random."""
    s = torch.linspace(1, 0, steps + 1, dtype=torch.float64)
    if jitter:
        s[1:-1] += (torch.rand(steps - 1, dtype=torch.float64) - 0.5) * jitter / steps
    return (shift * s / (1 + (shift - 1) * s)).float()


@torch.no_grad()
def sample(model, context, uncond, noise, steps=20, guidance=4.0, shift=3.0, known=None, known_frames=None, trace=None, sigmas=None):
    """Euler sampler with classifier-free guidance (guidance 1: none, one pass a step).

    context, uncond [B, L, 384]; noise [B, C, F, h, w].  `known` latents are kept where known_frames [F] is 1.
    trace: list that receives the latents before each step and at the end.  sigmas: another schedule than that of steps and shift.
    """
    b, _, f, _, _ = noise.shape
    free = torch.ones(f, device=noise.device) if known_frames is None else 1 - known_frames.to(noise.device)
    gate = free.view(1, 1, f, 1, 1)
    x = noise if known is None else torch.where(gate > 0, noise, known)
    sigmas = (sigma_schedule(steps, shift) if sigmas is None else sigmas).to(noise.device)
    for now, nxt in zip(sigmas[:-1], sigmas[1:]):
        if trace is not None:
            trace.append(x)
        s = (now * free).expand(b, f)
        if guidance == 1.0:
            v = model(x, s, context)
        else:
            cond, un = model(torch.cat([x, x]), torch.cat([s, s]), torch.cat([context, uncond])).chunk(2)
            v = un + guidance * (cond - un)
        x = x + (nxt - now) * v * gate
    if trace is not None:
        trace.append(x)
    return x
