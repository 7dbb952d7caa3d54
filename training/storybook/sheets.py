"""Contact sheets and GIFs of clips [T, 3, H, W] in [0, 1]."""
import torch
import torch.nn.functional as F
from PIL import Image


def contact_sheet(clips, path, every=6, columns=1):
    """clips [N, T, 3, S, S] -> PNG, a clip a row (frames 0, every, ...), rows in several columns."""
    rows = [torch.cat(list(F.pad(c[::every].float(), (1, 1, 1, 1), value=1.0)), -1) for c in clips]
    per = (len(rows) + columns - 1) // columns
    blank = torch.ones_like(rows[0])
    parts = [torch.cat((rows[i * per:(i + 1) * per] + [blank] * per)[:per], -2) for i in range(columns)]
    image = (torch.cat(parts, -1).clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy()
    Image.fromarray(image).save(path, optimize=True)


def save_gif(video, path, scale=2, fps=8):
    images = [Image.fromarray((f.permute(1, 2, 0) * 255).round().byte().cpu().numpy()) for f in video]
    images = [i.resize((i.width * scale, i.height * scale), Image.BICUBIC).quantize(128) for i in images]
    images[0].save(path, save_all=True, append_images=images[1:], duration=1000 // fps, loop=0, optimize=True)
