"""Rasterises the sprites (with their painted variants) and the places once, into one .pt file that the renderer uses.

  python -m storybook.assets --icons icons.json --out work/assets.pt --size 128

Icons: `icons.json` of the npm package `@iconify-json/fluent-emoji-flat` (Fluent Emoji, MIT).
File: sprites u8 [N, 4, P, P] premultiplied, standing on the lower edge; sprite_index {(id, colour or None): row};
      places u8 [14, 4 times, variants, 3, Hw, Ww], the world of 2 x 1.5 views.
"""
import argparse
import colorsys
import io
import json
import random
import zlib

import numpy as np
import torch
from PIL import Image

from . import vocabulary as V
from .scenes import DRAW, Scene, WORLD_H, WORLD_W
from .subjects import COLOURS, SUBJECTS


def rasterise(svg: str) -> Image.Image:
    import resvg_py  # only drawing needs it: machines that just load assets do without
    return Image.open(io.BytesIO(bytes(resvg_py.svg_to_bytes(svg_string=svg)))).convert("RGBA")


def draw_sprite(body: str, size: int) -> Image.Image:
    """SVG body (32 x 32 view box) -> RGBA, cropped to the drawing, standing in the middle of the lower edge."""
    big = rasterise(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" width="512" height="512">{body}</svg>')
    big = big.crop(big.getbbox())
    scale = (size - 6) / max(big.size)
    small = big.resize((max(1, round(big.width * scale)), max(1, round(big.height * scale))), Image.LANCZOS)
    out = Image.new("RGBA", (size, size), (0, 0, 0, 0))
    out.paste(small, ((size - small.width) // 2, size - 3 - small.height))
    return out


def paint(image: Image.Image, colour: str, own: str) -> Image.Image:
    """Moves the hues near the drawing's own colour to another one (blue car -> red car); other parts keep theirs."""
    a = np.asarray(image).astype(np.float32) / 255
    hsv = np.asarray(image.convert("RGB").convert("HSV")).astype(np.float32) / 255
    distance = np.abs((hsv[..., 0] - COLOURS[own] + 0.5) % 1 - 0.5)
    near = (distance < 0.13) & (hsv[..., 1] > 0.3)
    r, g, b = colorsys.hsv_to_rgb(COLOURS[colour], 0.85, 1.0)
    light = hsv[..., 2:] * np.array([r, g, b]) * (0.55 if colour in ("green", "blue", "purple") else 1.0) ** 0.4
    faded = 1 - (1 - light) * np.clip(hsv[..., 1:2] / 0.8, 0.4, 1)
    a[..., :3] = np.where(near[..., None], np.minimum(faded, 1), a[..., :3])
    return Image.fromarray((a * 255).round().astype(np.uint8), "RGBA")


def premultiplied(image: Image.Image) -> np.ndarray:
    a = np.asarray(image).astype(np.float32)
    a[..., :3] *= a[..., 3:] / 255
    return a.round().astype(np.uint8).transpose(2, 0, 1)


def build(icon_file: str, size: int, variants: int, ids=None, seed: int = 0) -> dict:
    """ids: the subjects to draw (all by default)."""
    icons = json.load(open(icon_file))["icons"]
    resolution = 64 if size <= 64 else 128 if size <= 160 else 256
    sprites, index = [], {}
    for s in (SUBJECTS[i] for i in ids or SUBJECTS):
        image = draw_sprite(icons[s.id]["body"], resolution)
        index[s.id, None] = len(sprites)
        sprites.append(premultiplied(image))
        for colour in (c for c in COLOURS if s.paintable and c != s.colour):
            index[s.id, colour] = len(sprites)
            sprites.append(premultiplied(paint(image, colour, s.colour)))
    height = round(size * 1.3 * WORLD_H / 160)  # 1.3: sharp up to the zoom of the camera
    width, rng, places = round(height * WORLD_W / WORLD_H), random.Random(seed), []
    for name in V.PLACE_IDS:
        times = []
        for time in V.TIME_IDS:
            tiles = []
            for _ in range(variants):
                scene = Scene(icons, rng, time if V.PLACES[name][2] else "day")
                DRAW[name](scene)
                svg = scene.svg().replace(f'width="{WORLD_W}" height="{WORLD_H}">', f'width="{2 * width}" height="{2 * height}">', 1)
                tiles.append(np.asarray(rasterise(svg).convert("RGB").resize((width, height), Image.BOX)).transpose(2, 0, 1))
            times.append(np.stack(tiles))
        places.append(np.stack(times))
    return {"sprites": torch.from_numpy(np.stack(sprites)), "sprite_index": index, "places": torch.from_numpy(np.stack(places)), "size": size}


def save_assets(data: dict, path: str):
    """Compressed (flat pictures shrink 10 to 20 times), so that the file travels easily."""
    packed = {k: ("zlib", tuple(v.shape), zlib.compress(v.numpy().tobytes(), 9)) if torch.is_tensor(v) else v for k, v in data.items()}
    torch.save(packed, path)


def load_assets(path: str) -> dict:
    unpack = lambda v: torch.frombuffer(bytearray(zlib.decompress(v[2])), dtype=torch.uint8).view(v[1]) if isinstance(v, tuple) and v[0] == "zlib" else v
    return {k: unpack(v) for k, v in torch.load(path, weights_only=False).items()}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--icons", required=True)
    p.add_argument("--out", required=True)
    p.add_argument("--size", type=int, default=128, help="picture size in pixels that the assets are made for")
    p.add_argument("--variants", type=int, default=8, help="drawings of each place and time of day")
    a = p.parse_args()
    data = build(a.icons, a.size, a.variants)
    save_assets(data, a.out)
    print({k: tuple(v.shape) for k, v in data.items() if hasattr(v, "shape")})


if __name__ == "__main__":
    main()
