"""Draws clip descriptions ("specs"): which subjects do what, where, when, how filmed.

A spec is a plain dict: subjects [{id, colour, size, motion}], relation, place, time, weather, camera, look, seed.
The renderer turns it into pixels, captions.py into words.
"""
import random
import zlib

from .subjects import COLOURS, SUBJECTS
from . import vocabulary as V

LAND_KINDS = ("walker", "vehicle", "ball", "thing")


def held_out(subject: str, place: str, motion: str) -> bool:
    """About one in sixteen subject x place pairs, and one in twenty subject x motion pairs, never occur in training."""
    return zlib.crc32(f"{subject}@{place}".encode()) % 16 == 0 or zlib.crc32(f"{subject}:{motion}".encode()) % 20 == 0


class World:
    """A choice of subjects and the chances of everything; `spec(rng)` draws one clip description.

    subjects: "core" (for CPU training), "few" (for an hour or two of it), "all", another name in PRESETS, or a list of ids.
    calm: share of descriptions with one subject of its usual size that stands or travels before a camera at rest, in clear weather and the
    flat look: what a subject looks like is learned from these first.
    grid: share of the single subjects that keep to the latent grid (`on_grid`, renderer.py): as many pictures as a processor can learn
    from then show each subject many times in each of few ways, rather than once in each of very many.
    """

    PRESETS = {"core": [s.id for s in SUBJECTS.values() if s.core], "all": list(SUBJECTS),
               "few": "dog cat rabbit horse cow pig elephant giraffe penguin turtle duck panda fox frog bear bird butterfly owl fish whale shark astronaut robot "
                      "snowman-without-snow dragon automobile bus tractor rocket airplane balloon sailboat soccer-ball deciduous-tree".split()}

    def __init__(self, subjects="core", pair_share=0.2, trio_share=0.04, calm=0.0, grid=0.0):
        self.ids = list(self.PRESETS[subjects] if isinstance(subjects, str) else subjects)
        self.pair_share, self.trio_share, self.calm, self.grid = pair_share, trio_share, calm, grid

    def spec(self, rng: random.Random, split: str = "train", actors: int | None = None) -> dict:
        """split "train" avoids held-out combinations, "heldout" draws a first subject with one.  actors: force 1, 2 or 3."""
        for _ in range(1000):
            spec = self._draw(rng, actors)
            out = [held_out(s["id"], spec["place"], s["motion"]) for s in spec["subjects"]]
            if (split == "train" and not any(out)) or (split == "heldout" and out[0]):
                if self.grid and len(spec["subjects"]) == 1 and rng.random() < self.grid:
                    spec["on_grid"] = True
                return spec
        raise RuntimeError(f"no {split} combination found for these subjects")

    def _place(self, rng, kinds):
        if "boat" in kinds:
            return "lake"
        if "swimmer" in kinds:
            return rng.choice(["underwater", "underwater", "lake"])
        place = rng.choice(V.PLACE_IDS)
        return place if place != "lake" or rng.random() < 0.4 else rng.choice(V.PLACE_IDS)

    def _time(self, rng, place):
        outdoors = V.PLACES[place][2]
        return rng.choices(V.TIME_IDS, [0.46, 0.16, 0.19, 0.19])[0] if outdoors else "day"

    def _subject(self, rng, id=None):
        id = id or rng.choice(self.ids)
        info = SUBJECTS[id]
        colour = rng.choice(list(COLOURS)) if info.paintable and rng.random() < 0.6 else None
        if colour == info.colour:
            colour = None
        return {"id": id, "colour": colour, "motion": rng.choice(V.KIND_MOTIONS[info.kind]), "size": "normal"}

    def _draw(self, rng, actors):
        if self.calm and not actors and rng.random() < self.calm:
            return self._calm(rng)
        n = actors or rng.choices([1, 2, 3], [1 - self.pair_share - self.trio_share, self.pair_share, self.trio_share])[0]
        first = self._subject(rng)
        first["size"] = rng.choices(V.SIZE_IDS, [0.12, 0.68, 0.2])[0] if n == 1 else "normal"
        subjects, relation = [first], None
        if n > 1:
            relation = "beside" if n == 3 else rng.choices(V.RELATION_IDS, [3, 3, 1, 1, 2, 1, 4])[0]
            twins = relation == "beside" and rng.random() < 0.5
            for _ in range(n - 1):
                other = dict(first) if twins else self._subject(rng)
                while not twins and other["id"] in [s["id"] for s in subjects]:
                    other = self._subject(rng)
                subjects.append(other)
            kinds = [SUBJECTS[s["id"]].kind for s in subjects]
            if relation == "chasing" and not all(k in ("walker", "vehicle", "flyer", "swimmer", "ball") for k in kinds):
                relation = "beside"
            if relation == "riding" and (kinds[1] not in ("walker", "vehicle") or kinds[0] not in ("walker", "thing")):
                relation = "beside"
            if relation in ("chasing", "riding"):
                for s in subjects:
                    s["motion"] = subjects[0]["motion"] if relation == "riding" and s is not subjects[0] else rng.choice(["left", "right"])
                subjects[1]["motion"] = subjects[0]["motion"]
            else:
                for s in subjects:  # no room to travel
                    while s["motion"] in ("left", "right", "circle", "grow", "shrink"):
                        s["motion"] = rng.choice(V.KIND_MOTIONS[SUBJECTS[s["id"]].kind])
                if twins:
                    for s in subjects:
                        s["motion"] = first["motion"]
        place = self._place(rng, [SUBJECTS[s["id"]].kind for s in subjects])
        outdoors = V.PLACES[place][2]
        camera = "static"
        if rng.random() < 0.36:
            sideways = first["motion"] in ("left", "right", "circle")
            camera = rng.choice(["zoom_in", "zoom_out"] if sideways else V.CAMERA_IDS[1:])
        return {
            "subjects": subjects, "relation": relation, "place": place,
            "time": self._time(rng, place),
            "weather": rng.choices(V.WEATHER_IDS, [0.6, 0.1, 0.1, 0.1, 0.1])[0] if outdoors else "clear",
            "camera": camera,
            "look": rng.choices(V.LOOK_IDS, [V.LOOK_WEIGHTS[k] for k in V.LOOK_IDS])[0],
            "seed": rng.getrandbits(31),
        }

    def _calm(self, rng):
        subject = self._subject(rng)
        kind = SUBJECTS[subject["id"]].kind
        subject["motion"] = rng.choice([m for m in ("still", "left", "right") if m in V.KIND_MOTIONS[kind]])
        place = self._place(rng, [kind])
        return {"subjects": [subject], "relation": None, "place": place, "time": self._time(rng, place), "weather": "clear", "camera": "static",
                "look": "flat", "seed": rng.getrandbits(31)}

    def specs(self, seed: int, count: int, split: str = "train") -> list[dict]:
        rng = random.Random(seed)
        return [self.spec(rng, split) for _ in range(count)]
