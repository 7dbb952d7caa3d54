"""The fourteen places, drawn as SVG by small procedural functions in the flat style of the icons.

SVG units: the world is 320 x 240, a camera view 160 x 160, the horizon at HORIZON.  Shapes are large on purpose: what an 8x
autoencoder can't hold only costs the transformer capacity.
"""
import math

WORLD_W, WORLD_H, VIEW, HORIZON = 320, 240, 160, 138
SKY = {"day": ("#4fb3f6", "#cfeeff"), "dawn": ("#8fa8e8", "#ffd9d0"), "sunset": ("#6a3f96", "#ffa552"), "night": ("#0a1030", "#2d3a78")}
TINT = {"day": (1, 1, 1), "dawn": (0.95, 0.86, 0.90), "sunset": (1.0, 0.78, 0.62), "night": (0.40, 0.46, 0.70)}


class Scene:
    """Collects SVG shapes; colours pass through `c` to take the light of the time of day."""

    def __init__(self, icons, rng, time):
        self.icons, self.rng, self.time, self.parts, self.defs = icons, rng, time, [], []

    def c(self, colour):
        r, g, b = (int(colour[i:i + 2], 16) for i in (1, 3, 5))
        return "#%02x%02x%02x" % tuple(min(255, int(v * k)) for v, k in zip((r, g, b), TINT[self.time]))

    def gradient(self, top, bottom, y0=0, y1=WORLD_H):
        name = f"g{len(self.defs)}"
        self.defs.append(f'<linearGradient id="{name}" x1="0" x2="0" y1="0" y2="1"><stop offset="0" stop-color="{top}"/><stop offset="1" stop-color="{bottom}"/></linearGradient>')
        self.parts.append(f'<rect x="0" y="{y0}" width="{WORLD_W}" height="{y1 - y0}" fill="url(#{name})"/>')

    def rect(self, x, y, w, h, fill, rx=0):
        self.parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}" rx="{rx}" fill="{fill}"/>')

    def circle(self, x, y, r, fill, opacity=1):
        self.parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{r:.1f}" fill="{fill}" opacity="{opacity}"/>')

    def poly(self, points, fill):
        self.parts.append(f'<polygon points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}" fill="{fill}"/>')

    def hills(self, base, height, period, fill):
        phase = self.rng.random() * 6.28
        top = lambda x: base - height * (0.5 + 0.5 * math.sin(x / period * 6.28 + phase) * math.cos(x / period * 2.1 + 2 * phase))
        self.poly([(x, top(x)) for x in range(0, WORLD_W + 8, 8)] + [(WORLD_W, WORLD_H), (0, WORLD_H)], fill)

    def icon(self, name, x, y, size):
        """An icon standing at (x, y), darkened by a veil at night."""
        self.parts.append(f'<g transform="translate({x - size / 2:.1f},{y - size:.1f}) scale({size / 32:.3f})">{self.icons[name]["body"]}</g>')

    def ground(self, colour, y=HORIZON):
        self.rect(0, y, WORLD_W, WORLD_H - y, self.c(colour))

    def spread(self, count, low=0, high=WORLD_W):
        """count x positions, one in each equal slice, so that any view holds about as many."""
        step = (high - low) / count
        return [low + step * (i + self.rng.uniform(0.15, 0.85)) for i in range(count)]

    def sky(self):
        self.gradient(*SKY[self.time], 0, HORIZON + 6)
        x = self.rng.uniform(110, 210)
        if self.time == "night":
            for sx in self.spread(26):
                self.circle(sx, self.rng.uniform(6, HORIZON - 24), self.rng.uniform(1.1, 1.7), "#ffffff", 0.9)
            self.circle(x, 66, 13, "#fff3c4"), self.circle(x + 6, 62, 11, "#101740")
        elif self.time == "sunset":
            self.circle(x, HORIZON - 12, 20, "#ffe08a")
        elif self.time == "dawn":
            self.circle(x, HORIZON - 2, 16, "#fff2d8")
        else:
            self.circle(x, 62, 14, "#ffd83b")
            for cx in self.spread(3):
                cy, s = self.rng.uniform(44, 92), self.rng.uniform(0.9, 1.4)
                for dx, r in ((-11, 7), (0, 10), (12, 8)):
                    self.circle(cx + dx * s, cy, r * s, "#ffffff", 0.95)

    def svg(self):
        return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WORLD_W} {WORLD_H}" width="{WORLD_W}" height="{WORLD_H}">'
                f'<defs>{"".join(self.defs)}</defs>{"".join(self.parts)}</svg>')


def meadow(s):
    s.sky(), s.hills(HORIZON + 6, 30, 190, s.c("#86d465")), s.ground("#58b947", HORIZON + 2)
    for x in s.spread(9):
        s.circle(x, s.rng.uniform(HORIZON + 20, 228), 2.6, s.c(s.rng.choice(["#ffffff", "#ffe45c", "#ff9ecb"])))


def beach(s):
    s.sky(), s.rect(0, HORIZON - 18, WORLD_W, 60, s.c("#2f9fd8")), s.rect(0, HORIZON + 6, WORLD_W, 5, s.c("#eaf8ff")), s.ground("#f5d891", HORIZON + 10)
    for x in s.spread(2):
        palm(s, x, HORIZON + 22, s.rng.uniform(62, 80))


def palm(s, x, y, h):
    s.poly([(x - 3, y), (x + 3, y), (x + 7, y - h), (x + 3, y - h)], s.c("#8a5a34"))
    for dx, dy in ((-26, 8), (-18, -10), (4, -16), (24, -8), (28, 10)):
        s.poly([(x + 5, y - h), (x + 5 + dx * 0.5 - 3, y - h + dy * 0.5 - 6), (x + 5 + dx, y - h + dy), (x + 5 + dx * 0.5 + 3, y - h + dy * 0.5 + 4)], s.c("#2f9a4a"))


def desert(s):
    s.sky(), s.hills(HORIZON + 6, 36, 230, s.c("#e0a458")), s.ground("#f0bd6a", HORIZON + 2), s.hills(WORLD_H - 6, 16, 160, s.c("#e5ab57"))
    for x in s.spread(3):
        h, y = s.rng.uniform(26, 42), HORIZON + s.rng.uniform(6, 14)
        s.rect(x - 4, y - h, 8, h, s.c("#3f9a55"), 4), s.rect(x - 13, y - h * 0.75, 6, h * 0.35, s.c("#3f9a55"), 3), s.rect(x + 7, y - h * 0.85, 6, h * 0.4, s.c("#3f9a55"), 3)
        s.rect(x - 13, y - h * 0.47, 12, 5, s.c("#3f9a55")), s.rect(x + 2, y - h * 0.52, 11, 5, s.c("#3f9a55"))


def snow(s):
    s.sky(), s.hills(HORIZON + 6, 30, 210, s.c("#c4dcf0")), s.ground("#f4faff", HORIZON + 2)
    for x in s.spread(4):
        h, y = s.rng.uniform(34, 50), HORIZON + s.rng.uniform(6, 14)
        s.poly([(x, y - h), (x - h * 0.3, y), (x + h * 0.3, y)], s.c("#3f7d63")), s.poly([(x, y - h), (x - h * 0.15, y - h / 2), (x + h * 0.15, y - h / 2)], s.c("#ffffff"))


def city(s):
    s.sky()
    x = -6
    while x < WORLD_W:
        w, h = s.rng.uniform(32, 48), s.rng.uniform(50, 104)
        s.rect(x, HORIZON + 6 - h, w, h, s.c(s.rng.choice(["#8797b0", "#6d7f9c", "#a98f86", "#b7b3a7", "#7392a8"])))
        for i in range(int(w // 15)):
            for j in range(int(h // 20)):
                lit = s.time in ("sunset", "night") and s.rng.random() < 0.6
                s.rect(x + 6 + 15 * i, HORIZON + 12 - h + 20 * j, 8, 11, "#ffe07a" if lit else s.c("#cfe6f5"))
        x += w + s.rng.uniform(0, 4)
    s.rect(0, HORIZON + 6, WORLD_W, 12, s.c("#b9b9b9")), s.ground("#5c6068", HORIZON + 16)
    for x in range(4, WORLD_W, 40):
        s.rect(x, HORIZON + 66, 22, 4, s.c("#f2f2f2"))


def village(s):
    s.sky(), s.hills(HORIZON + 6, 22, 180, s.c("#7cc468"))
    for x in s.spread(4):
        w, h, y = s.rng.uniform(38, 50), s.rng.uniform(28, 36), HORIZON + 8
        s.rect(x - w / 2, y - h, w, h, s.c(s.rng.choice(["#f3e2c0", "#f6c9b8", "#d6e6f2", "#fff0b8"])))
        s.poly([(x - w / 2 - 5, y - h), (x, y - h - 24), (x + w / 2 + 5, y - h)], s.c(s.rng.choice(["#c4533f", "#a84a52", "#8a5a44"])))
        s.rect(x - 6, y - 20, 12, 20, s.c("#7a4d30")), s.rect(x + w / 2 - 14, y - h + 8, 10, 10, "#ffe07a" if s.time in ("sunset", "night") else s.c("#9fd4f0"))
    s.ground("#cdb48a", HORIZON + 8), s.rect(0, HORIZON + 8, WORLD_W, 6, s.c("#6fae58"))


def forest(s):
    s.sky(), s.ground("#3f7f3a", HORIZON - 6)
    for row, (y, green) in enumerate(((HORIZON + 2, "#3a7d48"), (HORIZON + 14, "#24562f"))):
        for x in s.spread(9 - 3 * row):
            h = s.rng.uniform(66, 100) + 16 * row
            s.rect(x - 4, y - 12, 8, 14, s.c("#6b4a2d")), s.poly([(x, y - h), (x - h * 0.26, y - 10), (x + h * 0.26, y - 10)], s.c(green))
    s.ground("#5a8f3f", HORIZON + 14)


def mountains(s):
    s.sky()
    for x in s.spread(5, -10, WORLD_W + 10):
        h, w = s.rng.uniform(70, 108), s.rng.uniform(54, 72)
        s.poly([(x, HORIZON + 6 - h), (x - w, HORIZON + 6), (x + w, HORIZON + 6)], s.c(s.rng.choice(["#7d8496", "#6c7488", "#8b8f9b"])))
        s.poly([(x, HORIZON + 6 - h), (x - w * 0.27, HORIZON + 6 - h * 0.73), (x, HORIZON + 6 - h * 0.66), (x + w * 0.27, HORIZON + 6 - h * 0.73)], s.c("#ffffff"))
    s.ground("#8fae6b", HORIZON + 2)


def farm(s):
    s.sky(), s.hills(HORIZON + 6, 18, 200, s.c("#d9c24f"))
    for x in s.spread(2):
        y = HORIZON + 10
        s.rect(x - 30, y - 44, 60, 44, s.c("#c0392b")), s.poly([(x - 35, y - 42), (x - 20, y - 66), (x + 20, y - 66), (x + 35, y - 42)], s.c("#7d4b3a"))
        s.rect(x - 13, y - 28, 26, 28, s.c("#ffffff")), s.rect(x - 10, y - 25, 20, 25, s.c("#8e2a20"))
        s.rect(x + 42, y - 60, 16, 60, s.c("#c9ced6")), s.circle(x + 50, y - 60, 8, s.c("#9aa3af"))
    s.ground("#93b54a", HORIZON + 8)
    for x in range(0, WORLD_W, 26):
        s.rect(x, HORIZON + 12, 4, 16, s.c("#f3ead8"))
    s.rect(0, HORIZON + 17, WORLD_W, 4, s.c("#f3ead8"))


def castle(s):
    s.sky(), s.hills(HORIZON + 6, 26, 210, s.c("#74bb63"))
    x, y = s.rng.uniform(120, 200), HORIZON + 8
    stone, roof = s.c("#c2bccb"), s.c(s.rng.choice(["#5a6fd0", "#c2497a", "#4f9e8f"]))
    s.rect(x - 46, y - 46, 92, 46, stone)
    for dx, h in ((-46, 74), (46, 74), (0, 92)):
        s.rect(x + dx - 12, y - h, 24, h, s.c("#aaa3b8")), s.poly([(x + dx - 16, y - h), (x + dx, y - h - 28), (x + dx + 16, y - h)], roof)
        s.rect(x + dx - 4, y - h + 12, 8, 13, s.c("#4a4560"))
    s.rect(x - 9, y - 24, 18, 24, s.c("#6b4630"), 6)
    s.ground("#63ad52", HORIZON + 6), s.poly([(x - 9, y), (x + 9, y), (x + 50, WORLD_H), (x - 50, WORLD_H)], s.c("#dcc79a"))


def lake(s):
    s.sky(), s.hills(HORIZON + 2, 34, 150, s.c("#6aa86a"))
    s.rect(0, HORIZON - 2, WORLD_W, WORLD_H, s.c("#2b8fd0")), s.rect(0, HORIZON - 2, WORLD_W, 4, s.c("#a9dcf5"))
    for y, n in ((HORIZON + 22, 5), (HORIZON + 48, 4), (HORIZON + 78, 3)):
        for x in s.spread(n):
            s.rect(x - 16, y, 32, 4, s.c("#58b2e6"), 2)


def space(s):
    s.gradient("#05030f", "#21184a")
    for x in s.spread(30):
        s.circle(x, s.rng.uniform(4, HORIZON + 10), s.rng.uniform(1.1, 1.8), s.rng.choice(["#ffffff", "#cfd8ff", "#ffe9c7"]))
    x, r = s.rng.uniform(90, 150), s.rng.uniform(17, 25)
    s.circle(x, s.rng.uniform(60, 90), r, s.rng.choice(["#d9734f", "#5fa6e0", "#c9a1e8"])), s.circle(WORLD_W - x, s.rng.uniform(50, 80), 9, "#e8d9a0")
    s.hills(HORIZON + 24, 10, 150, "#8d8a99")
    for x in s.spread(6):
        s.circle(x, s.rng.uniform(HORIZON + 36, 228), s.rng.uniform(5, 10), "#77748a")


def underwater(s):
    s.gradient("#27a5de", "#0b3f78"), s.hills(HORIZON + 46, 16, 170, "#d8c07a")
    for x in s.spread(5):
        colour, y = s.rng.choice(["#f06a6a", "#f29a4a", "#3fae7a"]), HORIZON + s.rng.uniform(46, 60)
        for dx in (-8, 0, 8):
            h = s.rng.uniform(18, 34)
            s.rect(x + dx - 3, y - h, 6, h, colour, 3)
    for x in s.spread(12):
        s.circle(x, s.rng.uniform(20, 170), s.rng.uniform(2, 3.6), "#bfe8ff", 0.8)


def room(s):
    wall = s.rng.choice(["#f3dfc1", "#cfe3d4", "#e6d3e8", "#f6c9b8"])
    s.rect(0, 0, WORLD_W, WORLD_H, wall), s.rect(0, HORIZON + 4, WORLD_W, 110, s.rng.choice(["#b07a4a", "#9c6b45"])), s.rect(0, HORIZON, WORLD_W, 6, "#ffffff")
    for x in (s.rng.uniform(60, 100), s.rng.uniform(210, 250)):
        s.rect(x - 24, 56, 48, 52, "#ffffff"), s.rect(x - 20, 60, 40, 44, "#9adcf7"), s.rect(x - 2, 60, 4, 44, "#ffffff")
    x, sofa = s.rng.uniform(140, 170), s.rng.choice(["#3f76c9", "#c2554f", "#5aa06a"])
    s.rect(x - 34, HORIZON - 22, 68, 26, sofa, 6), s.rect(x - 40, HORIZON - 10, 80, 22, sofa, 6), s.rect(x - 4, 70, 30, 24, "#b8824a"), s.rect(x, 74, 22, 16, "#f2e6b0")


DRAW = dict(meadow=meadow, beach=beach, desert=desert, snow=snow, city=city, village=village, forest=forest, mountains=mountains,
            farm=farm, castle=castle, lake=lake, space=space, underwater=underwater, room=room)
