"""Words for a spec: a small grammar with synonyms, tenses, word orders and lengths.

`caption(spec, rng)` for training; `full=True` names every attribute that can be seen (evaluation), `unseen=True` uses the
words that training never shows.
"""
import random

from . import vocabulary as V
from .subjects import SUBJECTS, plural

_PAST = {"run": "ran", "ride": "rode", "drive": "drove", "fly": "flew", "swim": "swam", "stand": "stood", "fall": "fell", "rise": "rose", "grow": "grew",
         "get": "got", "shrink": "shrank", "spin": "spun", "shake": "shook", "do": "did", "slide": "slid", "drop": "dropped", "hop": "hopped", "jog": "jogged",
         "leap": "leapt", "swell": "swelled", "become": "became", "go": "went", "spring": "sprang", "stay": "stayed", "sway": "swayed", "slip": "slipped",
         "hurry": "hurried", "speed": "sped", "stride": "strode", "plummet": "plummeted", "drift": "drifted"}
_DOUBLE = {"run", "swim", "get", "spin", "hop", "jog", "drop", "slip"}
_THIRD = {"do": "does", "go": "goes", "march": "marches", "hurry": "hurries", "fly": "flies"}


def inflect(verb: str, form: str, many: bool = False) -> str:
    """verb phrase (its first word is the infinitive) -> form "present", "progressive", "participle" or "past"."""
    word, _, rest = verb.partition(" ")
    if form == "present":
        word = word if many else _THIRD.get(word, word + "s")
    elif form == "past":
        word = _PAST.get(word, word + ("d" if word.endswith("e") else "ed"))
    else:
        base = word[:-1] if word.endswith("e") else word + word[-1] if word in _DOUBLE else word
        word = base + "ing"
        if form == "progressive":
            word = ("are " if many else "is ") + word
    rest = rest.replace("jump and flip", "jumping and flipping")
    if word.endswith("ing") and " and " in f" {rest} ":  # "sway and dance" -> "swaying and dancing"
        rest = rest.replace("and dance", "and dancing").replace("and flip", "and flipping")
    elif form == "present" and not many:
        rest = rest.replace("and dance", "and dances").replace("and flip", "and flips")
    elif form == "past":
        rest = rest.replace("and dance", "and danced").replace("and flip", "and flipped")
    return f"{word} {rest}".strip()


class Words:
    """One caption's choices: the random source and whether held-out words are wanted."""

    def __init__(self, rng: random.Random, full: bool, unseen: bool):
        self.rng, self.full, self.unseen = rng, full, unseen

    def keep(self, chance: float) -> bool:
        return self.full or self.rng.random() < chance

    def pick(self, pair):
        seen, held = pair[:2]
        return self.rng.choice(held if self.unseen and held else seen)

    def name(self, s) -> str:
        info = SUBJECTS[s["id"]]
        if self.unseen and info.unseen:
            return self.rng.choice(info.unseen)
        return self.rng.choice(info.names[:1] * 2 + info.names)

    def noun(self, s, count=1) -> str:
        info, name = SUBJECTS[s["id"]], self.name(s)
        adjectives = []
        if V.SIZES[s["size"]][0] and self.keep(0.8):
            adjectives.append(self.pick(V.SIZES[s["size"]]))
        if s["colour"] and self.keep(0.92):
            adjectives.append(s["colour"])
        elif not s["colour"] and info.colour and info.colour not in name and self.rng.random() < (0.35 if info.paintable else 0.12) and not self.full:
            adjectives.append(info.colour)
        if count > 1:
            return " ".join([self.rng.choice(V.COUNT_WORDS[count])] + adjectives + [plural(name)])
        text = " ".join(adjectives + [name])
        article = self.rng.choice(["a", "a", "a", "a", "the", "one", ""])
        if name in ("books", "cherries", "two cherries", "santa claus", "santa", "father christmas", "saint nicholas"):
            article = self.rng.choice(["the", ""]) if not name.startswith("two") else ""
        if article == "a" and text[0] in "aeiou" and not text.startswith(("ufo", "unicorn", "ute", "one")):
            article = "an"
        return f"{article} {text}".strip()

    def verb(self, s) -> str:
        kind, motion = SUBJECTS[s["id"]].kind, s["motion"]
        if motion in V.SIDES:
            held = self.unseen
            verb = self.pick(V.SIDEWAYS[kind])
            return f"{verb} {self.rng.choice(V.SIDES[motion][0] if not held else V.SIDES[motion][0][:2])}"
        verb = self.pick(V.MOTIONS[motion])
        if motion == "circle" and kind != "flyer" and "fly" in verb:
            verb = "circle around"
        if motion == "fall" and kind == "walker":
            verb = "fall down"
        return verb


def _actors(spec, w: Words, form: str) -> str:
    """Subjects with what they do: "a dog jumps", "two cats", "a fox chasing a rabbit", "a car to the left of a tree that shakes"."""
    subjects, relation = spec["subjects"], spec["relation"]
    first = subjects[0]
    twins = len(subjects) > 1 and all(s["id"] == first["id"] and s["colour"] == first["colour"] for s in subjects)
    act = lambda s, many=False: " " + inflect(w.verb(s), form, many) if w.keep(0.86) else ""
    if twins:
        return w.noun(first, len(subjects)) + act(first, True)
    if len(subjects) == 3:
        names = [w.noun(s) for s in subjects]
        return f"{names[0]}, {names[1]} and {names[2]}"
    if len(subjects) == 1:
        return w.noun(first) + act(first)
    second, word = subjects[1], w.pick(V.RELATIONS[relation])
    if relation in ("chasing", "riding"):
        side = f" {w.rng.choice(V.SIDES[first['motion']][0])}" if w.keep(0.6) else ""
        return f"{w.noun(first)} {word} {w.noun(second)}{side}"
    if word == "and":
        return f"{w.noun(first)}{act(first)} and {w.noun(second)}{act(second)}"
    middle = f" {inflect(w.verb(first), form)}" if w.keep(0.5) and first["motion"] != "still" else ""
    end = f" that {inflect(w.verb(second), 'present')}" if w.keep(0.35) and second["motion"] != "still" else ""
    return f"{w.noun(first)}{middle} {word} {w.noun(second)}{end}"


_OPENINGS = ["", "", "", "", "", "there is ", "we see ", "a video of ", "a clip of ", "here is ", "a picture of ", "an animation of ", "look, "]


def caption(spec: dict, rng: random.Random, full: bool = False, unseen: bool = False) -> str:
    """Words a spec; see the module's head."""
    w = Words(rng, full, unseen)
    form = rng.choices(["present", "progressive", "participle", "past"], [4, 3, 3, 1])[0] if not full else rng.choice(["present", "progressive"])
    actors = _actors(spec, w, form)
    near, tail = [], []
    if w.keep(0.88):
        near.append(w.pick(V.PLACES[spec["place"]]))
    outdoors = V.PLACES[spec["place"]][2]
    if outdoors and w.keep(0.82 if spec["time"] != "day" else 0.3):
        near.append(w.pick(V.TIMES[spec["time"]]))
    if outdoors and (spec["weather"] != "clear" and w.keep(0.88) or spec["weather"] == "clear" and rng.random() < 0.06 and not full):
        near.append(w.pick(V.WEATHERS[spec["weather"]]))
    if spec["camera"] != "static" and w.keep(0.88) or spec["camera"] == "static" and rng.random() < 0.06 and not full:
        tail.append(w.pick(V.CAMERAS[spec["camera"]]))
    if spec["look"] != "flat" and w.keep(0.92) or spec["look"] == "flat" and rng.random() < 0.12 and not full:
        tail.append(w.pick(V.LOOKS[spec["look"]]))
    rng.shuffle(tail)
    shape = rng.choices(["sentence", "list", "front"], [6, 2, 2] if not full else [8, 1, 1])[0]
    if shape == "sentence":
        if len(near) > 1 and rng.random() < 0.3:
            near[1:] = reversed(near[1:])
        opening = rng.choice(_OPENINGS) if form == "participle" and not full else ""
        text = ", ".join([" ".join([opening + actors] + near)] + tail)
    elif shape == "list":
        text = ", ".join([actors] + near + tail)
    else:
        front = tail + near if rng.random() < 0.5 else near + tail
        text = ", ".join(front[:1] + [" ".join([actors] + [p for p in front[1:] if p in near])] + [p for p in front[1:] if p in tail])
    return text if rng.random() < 0.7 else text[0].upper() + text[1:] + rng.choice([".", "", "!"])
