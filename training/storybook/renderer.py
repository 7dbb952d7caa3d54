"""Batched renderer: specs (world.py) -> frames.  Runs on CPU or GPU; the only Python loop over clips draws random numbers.

A spec that is `on_grid` leaves nothing of its subject to chance: it stands in the middle on whole cells of 8 pixels and looks where its art looks,
a traveller crosses the middle by 16 pixels every 4 frames (a token of a latent frame, 128 px), gaits have one phase, rain and snow one beginning.
The scenery is one of three and starts on whole cells too.

`Renderer(assets).render(specs)` -> frames u8 [B, T, 3, S, S] and coverage f32 [B, T, S/8, S/8] (share of a cell that subjects fill).
"""
import math
import random

import torch
import torch.nn.functional as F

from .assets import load_assets
from . import vocabulary as V
from .looks import apply_looks
from .motion import AIRBORNE, KINDS, camera_paths, subject_paths
from .subjects import SUBJECTS

HALF_W, HALF_H = 1.0, 0.75  # the world: 2 x 1.5 views
TINT = {"day": (1, 1, 1), "dawn": (0.98, 0.92, 0.94), "sunset": (1.0, 0.86, 0.74), "night": (0.60, 0.64, 0.86)}
FOG = {"day": (0.86, 0.89, 0.92), "dawn": (0.86, 0.78, 0.80), "sunset": (0.80, 0.62, 0.54), "night": (0.24, 0.27, 0.38)}
SIZE = {"small": 0.62, "normal": 1.0, "large": 1.42}
CROWD = {1: 1.0, 2: 0.8, 3: 0.62}
NUMBERS = 16  # uniform random numbers of one subject
CELL = 1 / 16  # of the view: 8 pixels of 128


def _slots(spec, rand):
    """x and sizes of the subjects of one clip, by count and relation -> list of (x, lift, size factor, depth)."""
    n, relation = len(spec["subjects"]), spec["relation"]
    jitter = lambda: rand.uniform(-0.05, 0.05)
    if n == 1:
        return [(rand.uniform(-0.1, 0.1), 0.0, 1.0, 0.0)]
    if n == 3:
        return [(x + 0.3 * jitter(), 0.0, 1.0, 0.0) for x in (-0.31, 0.0, 0.31)]
    if relation == "behind":
        side = rand.choice([-1, 1])
        return [(-0.13 * side, 0.0, 0.9, -0.1), (0.09 * side, 0.0, 1.0, 0.02)]
    if relation == "above":
        return [(jitter(), 0.5, 0.8, 0.0), (jitter(), 0.0, 0.8, 0.0)]
    if relation == "riding":
        return [(0.0, 0.0, 0.72, 0.0), (0.0, 0.0, 1.15, 0.0)]
    if relation == "chasing":
        ahead = -0.24 if spec["subjects"][0]["motion"] == "left" else 0.24
        return [(-ahead, 0.0, 0.8, 0.0), (ahead, 0.0, 0.8, 0.0)]
    side = -1 if relation == "left_of" else 1 if relation == "right_of" else rand.choice([-1, 1])
    return [(0.25 * side + jitter(), 0.0, 1.0, 0.0), (-0.25 * side + jitter(), 0.0, 1.0, 0.0)]


class Renderer:
    def __init__(self, assets, frames=25, device="cpu", size=None):
        self.size, self.frames, self.device = size or assets["size"], frames, torch.device(device)
        sprites = assets["sprites"].to(self.device).float() / 255
        self.levels = [sprites] + [F.avg_pool2d(sprites, k) for k in (2, 4, 8)]
        self.index = assets["sprite_index"]
        filled = (sprites[:, 3].amax(2) > 0.2).float()  # rows that hold anything
        self.top = filled.argmax(1) / sprites.shape[-1]  # empty share above the drawing
        self.places = assets["places"].to(self.device)
        s = self.size
        self.py, self.px = torch.meshgrid(*[(torch.arange(s, device=self.device) + 0.5) / s - 0.5] * 2, indexing="ij")
        self._textures()

    def _textures(self):
        """Tileable alpha textures [S, S] for rain, snow and clouds."""
        s, g = self.size, torch.Generator().manual_seed(7)
        y, x = torch.meshgrid(torch.arange(s), torch.arange(s), indexing="ij")
        rain, snow, cloud = (torch.zeros(s, s) for _ in range(3))
        wrap = lambda a, b: (a - b + s / 2) % s - s / 2
        for cx, cy in (torch.rand(30, 2, generator=g) * s).tolist():
            dy, dx = wrap(y, cy), wrap(x, cx)
            along, across = dy / (0.055 * s), (dx + 0.35 * dy) / (0.0085 * s)
            rain = torch.maximum(rain, (1.5 - across.abs()).clamp(0, 1) * (along.abs() < 1))
        for cx, cy in (torch.rand(30, 2, generator=g) * s).tolist():
            d = (wrap(y, cy).square() + wrap(x, cx).square()).sqrt() / s
            snow = torch.maximum(snow, ((0.019 - d) / 0.008).clamp(0, 1))
        for cx, cy, r in torch.rand(16, 3, generator=g).tolist():
            dy, dx = wrap(y, (0.04 + 0.5 * cy) * s) / (0.10 + 0.05 * r), wrap(x, cx * s) / (0.17 + 0.07 * r)
            cloud = torch.maximum(cloud, (1.35 - (dx.square() + dy.square()).sqrt() / s).clamp(0, 1).mul(2.2).clamp(max=1))
        self.rain, self.snow, self.cloud = (v.to(self.device) for v in (rain, snow, cloud))

    def _tensor(self, rows, dtype=torch.float32):
        return torch.tensor(rows, dtype=dtype, device=self.device)

    def _setup(self, specs):
        """Random numbers and per-subject settings as tensors; subjects beyond a clip's count have size 0."""
        K = max(len(s["subjects"]) for s in specs)
        table, uniforms, cams, extra = [], [], [], []
        for s in specs:
            rand = random.Random(s["seed"])
            cams.append([rand.random(), rand.random()])
            extra.append([rand.random() for _ in range(4)])
            slots, ground, rows, numbers = _slots(s, rand), rand.uniform(0.28, 0.40), [], []
            if s["place"] == "lake":
                ground = rand.uniform(0.14, 0.30)
            on_grid = s.get("on_grid", False)
            if on_grid:
                ground = (3.5 if s["place"] == "lake" else 5.5) * CELL
                cams[-1] = [0.5, 0.5]
                extra[-1] = [extra[-1][0], 0.5 + (int(3 * extra[-1][1]) - 1) * 5 * CELL, 0, 0]  # the scenery two cells to the left, as it is, or to the right
            for k in range(K):
                numbers.append([rand.random() for _ in range(NUMBERS)])
                if on_grid:  # which way it turns is chance (4); where it looks, phases and spans are not
                    numbers[-1] = [0, 0.75, 0.5, 0.5, numbers[-1][4]] + [0.5] * (NUMBERS - 5)
                if k >= len(s["subjects"]):
                    rows.append([0, 0, 0, 1e-6, 0, 9, 9, 0, 0])
                    continue
                sub, (x, lift, factor, depth) = s["subjects"][k], slots[k]
                info = SUBJECTS[sub["id"]]
                spread = rand.uniform(0.94, 1.06)
                size = 0.45 * info.scale * SIZE[sub["size"]] * CROWD[len(slots)] * factor * (1 if on_grid else spread)
                size = min(size, 0.8)
                floor = ground + depth
                air = info.kind in ("flyer", "swimmer")
                rest = (-CELL if on_grid else rand.uniform(-0.16, 0.06)) if air else floor - size / 2
                if s["place"] == "lake":  # in the water up to its belly; a swimmer deeper; boats have their own water line
                    floor += {"boat": 0.02, "swimmer": 0.3, "flyer": 0.0}.get(info.kind, 0.2) * size
                    rest = floor - size / 2 if info.kind != "flyer" else rest
                if lift:
                    rest = -0.26
                elif air and s["relation"] == "above":
                    rest = 0.2
                if on_grid:
                    x, centre = 0.0, round(rest / CELL) * CELL
                    floor, rest = floor + centre - rest, centre
                rows.append([V.MOTION_IDS.index(sub["motion"]), KINDS.index(info.kind), {"L": -1, "R": 1, "-": 0}[info.facing], size, x, floor, rest,
                             self.index[sub["id"], sub["colour"]], ground])
            table.append(rows), uniforms.append(numbers)
        return self._tensor(table), self._tensor(uniforms), self._tensor(cams), self._tensor(extra)

    def sceneries(self, spec, tries=400):
        """Seeds of a spec on the grid whose sceneries all differ: each drawing of its place in each of the places it is put."""
        seeds = {}
        for seed, (drawing, at, *_) in enumerate(self._setup([{**spec, "on_grid": True, "seed": seed} for seed in range(tries)])[3].tolist()):
            seeds.setdefault((int(drawing * self.places.shape[2]), round(at, 3)), seed)
        return list(seeds.values())

    def _over(self, frames, cover, wx, wy, p, sprite, water, shade, tint):
        """Draws one subject per clip over the frames: its shadow, then its sprite.  p: dict of [B, n]; sprite, water, shade [B]."""
        e = {k: v[..., None, None] for k, v in p.items()}  # [B, n, 1, 1]
        height = (e["ground"] - e["y"] - e["sy"]).clamp(min=0)
        rx = (e["sx"].abs() * 0.85 * (1 - height).clamp(0.3, 1)).clamp(min=1e-4)
        d = ((wx - e["x"]) / rx).square() + ((wy - e["ground"]) / (0.17 * rx)).square()
        dark = shade.view(-1, 1, 1, 1) * (1 - height * 1.6).clamp(0, 1) * ((1.25 - d) * 2).clamp(0, 1)
        frames *= 1 - dark[:, :, None]
        dx, dy = wx - e["x"], wy - e["y"]
        cos, sin = torch.cos(e["rot"]), torch.sin(e["rot"])
        grid = torch.stack([(cos * dx + sin * dy) / e["sx"], (cos * dy - sin * dx) / e["sy"]], -1)  # [B, n, S, S, 2]
        b, n, s = grid.shape[:3]
        out = torch.empty(b, 4, n * s, s, device=grid.device)
        pixels = 2 * p["sy"].amax(1) * s  # drawn height chooses the mip level
        level = torch.where(pixels > 90, 0, torch.where(pixels > 44, 1, torch.where(pixels > 22, 2, 3)))
        for k, texture in enumerate(self.levels):
            rows = (level == k).nonzero()[:, 0]
            if len(rows):
                out[rows] = F.grid_sample(texture[sprite[rows]], grid[rows].reshape(len(rows), n * s, s, 2), padding_mode="zeros", align_corners=False)
        out = out.view(b, 4, n, s, s).transpose(1, 2)
        under = ((wy - water.view(-1, 1, 1, 1)) * 60).clamp(0, 1)[:, :, None]  # 1 below the water line
        out = out * (1 - 0.82 * under)
        frames *= 1 - out[:, :, 3:]
        frames += out[:, :, :3] * tint.view(b, 1, 3, 1, 1)
        cover.copy_(torch.maximum(cover, F.avg_pool2d(out[:, :, 3], 8)))

    @torch.no_grad()
    def render(self, specs, pick=None):
        """pick [B, n]: only these frames of each clip (all of them by default)."""
        B, T, S, dev = len(specs), self.frames, self.size, self.device
        table, r, cam_r, extra = self._setup(specs)
        motion, kind, mirror = table[..., 0].long(), table[..., 1].long(), table[..., 2]
        size, x0, ground, rest = (table[..., i] for i in range(3, 7))
        sprite, water_y = table[..., 7].long(), table[:, 0, 8]
        ids = lambda key, names: self._tensor([names.index(s[key]) for s in specs], torch.long)
        place, time, weather, look = ids("place", V.PLACE_IDS), ids("time", V.TIME_IDS), ids("weather", V.WEATHER_IDS), ids("look", V.LOOK_IDS)
        path = subject_paths(motion, kind, mirror, size, x0, ground, rest, r, T)
        path["ground"] = ground[..., None].expand_as(path["x"])
        self._ride(path, specs, sprite)
        cx, cy, zoom = camera_paths(ids("camera", V.CAMERA_IDS), cam_r, T)
        steps = torch.arange(T, device=dev)[None].expand(B, T) if pick is None else pick.to(dev)
        at = lambda v: v.gather(-1, steps if v.ndim == 2 else steps[:, None].expand(-1, v.shape[1], -1))
        path, cx, cy, zoom = {k: at(v) for k, v in path.items()}, at(cx), at(cy), at(zoom)
        grow = lambda v: v[..., None, None]
        wx, wy = grow(cx) + self.px / grow(zoom), grow(cy) + self.py / grow(zoom)  # [B, n, S, S]
        n = steps.shape[1]
        variant = (extra[:, 0] * self.places.shape[2]).long()
        scene = self.places[place, time, variant].float() / 255
        shift = (extra[:, 1] - 0.5).view(-1, 1, 1, 1) * 0.4
        grid = torch.stack([(wx + shift) / HALF_W, wy / HALF_H], -1).view(B, n * S, S, 2)
        frames = F.grid_sample(scene, grid, padding_mode="border", align_corners=False).view(B, 3, n, S, S).transpose(1, 2).contiguous()
        self._sky(frames, wx, wy, weather, time, steps, extra)
        cover = torch.zeros(B, n, S // 8, S // 8, device=dev)
        tint = self._tensor([TINT[s["time"]] for s in specs])
        wet = self._tensor([s["place"] in ("lake", "underwater") for s in specs]).bool()
        lake = self._tensor([s["place"] == "lake" for s in specs]).bool()
        for k in self._depth_order(ground, specs).unbind(1):  # far subjects first
            rows = (size.gather(1, k[:, None])[:, 0] > 1e-3).nonzero()[:, 0]
            if not len(rows):
                continue
            p = {name: v[rows, k[rows]] for name, v in path.items()}
            boat = kind[rows, k[rows]] == KINDS.index("boat")
            line = torch.where(lake[rows] & ~boat, water_y[rows], torch.full_like(water_y[rows], 9.0))
            part, mask = frames[rows], cover[rows]
            self._over(part, mask, wx[rows], wy[rows], p, sprite[rows, k[rows]], line, torch.where(wet[rows], 0.0, 0.28), tint[rows])
            frames[rows], cover[rows] = part, mask
        self._weather(frames, weather, time, steps, extra)
        apply_looks(frames, look)
        return (frames.clamp_(0, 1) * 255).round_().to(torch.uint8), cover

    def _ride(self, path, specs, sprite):
        """A rider sits on the top of its mount's drawing and moves with it."""
        rows = [i for i, s in enumerate(specs) if s["relation"] == "riding"]
        if not rows:
            return
        empty = self.top[sprite[rows, 1]][:, None]
        seat = path["y"][rows, 1] - path["sy"][rows, 1] * (1 - 2 * empty)
        path["x"][rows, 0] = path["x"][rows, 1]
        path["y"][rows, 0] = seat - path["sy"][rows, 0] * 0.72
        path["rot"][rows, 0] = path["rot"][rows, 1] * 0.5

    def _depth_order(self, ground, specs):
        depth = ground.clone()
        for i, s in enumerate(specs):
            if s["relation"] == "riding":
                depth[i, 0] = depth[i, 1] - 1e-3  # the rider's lower edge hides behind the mount
        return depth.argsort(1)

    def _sky(self, frames, wx, wy, weather, time, steps, extra):
        """Overcast skies and the fog that lies on the scenery, behind the subjects."""
        grey_of = lambda f: (f * self._tensor([0.3, 0.59, 0.11]).view(3, 1, 1)).sum(-3, keepdim=True)
        for name, amount in (("cloudy", 0.75), ("rain", 0.5)):
            rows = (weather == V.WEATHER_IDS.index(name)).nonzero()[:, 0]
            if not len(rows):
                continue
            f, S = frames[rows], self.size
            grey = grey_of(f)
            f = f + amount * (grey * self._tensor([0.84, 0.87, 0.92]).view(3, 1, 1) - f)
            drift = extra[rows, 2].view(-1, 1, 1, 1) * 2 + 0.006 * steps[rows][..., None, None]
            ix = ((wx[rows] + drift) * S).long() % S
            iy = ((wy[rows] + 0.75) * S).long().clamp(0, S - 1)
            alpha = self.cloud[iy, ix][:, :, None] * amount * ((0.02 - wy[rows]) * 6).clamp(0, 1)[:, :, None]
            dusk = self._tensor([FOG[V.TIME_IDS[t]] for t in time[rows].tolist()]).view(-1, 1, 3, 1, 1) * 0.8
            frames[rows] = f * (1 - alpha) + dusk * alpha
        rows = (weather == V.WEATHER_IDS.index("fog")).nonzero()[:, 0]
        if len(rows):
            colour = self._tensor([FOG[V.TIME_IDS[t]] for t in time[rows].tolist()]).view(-1, 1, 3, 1, 1)
            frames[rows] = frames[rows] * 0.34 + colour * 0.66

    def _weather(self, frames, weather, time, steps, extra):
        """What falls in front of everything."""
        S, T = self.size, self.frames
        base = torch.arange(S, device=self.device)
        for name, texture, down, colour, strength in (("rain", self.rain, 0.17, (0.78, 0.86, 1.0), 0.75), ("snowfall", self.snow, 0.045, (1, 1, 1), 0.95)):
            rows = (weather == V.WEATHER_IDS.index(name)).nonzero()[:, 0]
            if not len(rows):
                continue
            t = steps[rows].float()
            oy = (extra[rows, 2:3] * S + t * down * S).long()
            side = -0.35 * down * t * S if name == "rain" else 0.02 * S * torch.sin(t * 0.5)
            ox = (extra[rows, 3:4] * S + side).long()
            iy, ix = (base - oy[..., None]) % S, (base - ox[..., None]) % S  # [B', n, S]
            alpha = texture[iy[..., :, None], ix[..., None, :]][:, :, None] * strength
            f = frames[rows] * (0.86 if name == "rain" else 1.0)
            frames[rows] = f * (1 - alpha) + self._tensor(colour).view(3, 1, 1) * alpha
        rows = (weather == V.WEATHER_IDS.index("fog")).nonzero()[:, 0]
        if len(rows):
            colour = self._tensor([FOG[V.TIME_IDS[t]] for t in time[rows].tolist()]).view(-1, 1, 3, 1, 1)
            frames[rows] = frames[rows] * 0.76 + colour * 0.24


def main():
    import argparse
    import time as clock
    from .captions import caption
    from .sheets import contact_sheet
    from .world import World
    p = argparse.ArgumentParser(description="Renders a contact sheet of random clips.")
    p.add_argument("--assets", required=True)
    p.add_argument("--sheet", required=True)
    p.add_argument("--count", type=int, default=32)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--subjects", default="core")
    p.add_argument("--device", default="cpu")
    a = p.parse_args()
    renderer, specs = Renderer(load_assets(a.assets), device=a.device), World(a.subjects).specs(a.seed, a.count)
    start = clock.time()
    frames = torch.cat([renderer.render(specs[i:i + 16])[0] for i in range(0, len(specs), 16)])
    print(f"{a.count / (clock.time() - start):.1f} clips/s")
    rng = random.Random(a.seed)
    print(*[caption(s, rng) for s in specs], sep="\n")
    contact_sheet(frames.float() / 255, a.sheet, columns=4)


if __name__ == "__main__":
    main()
