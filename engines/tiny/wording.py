"""Writes captions and prompts for a scene, in words as varied as people's."""

from collections.abc import Mapping
from string import Formatter
from typing import NamedTuple

import numpy as np

Parts = Mapping[str, str]


class Phrase(NamedTuple):
    """A caption or prompt, and those of its attributes that can be seen in one frame."""

    text: str
    attributes: frozenset[str]


# Words that occur twice are drawn twice as often: plain words are the usual ones.
NOUNS = {
    "circle": ("circle", "disc", "ball", "circle"),
    "square": ("square", "box", "block", "square"),
    "triangle": ("triangle", "triangle", "triangular shape"),
    "star": ("star", "five-pointed star", "star"),
    "cross": ("cross", "plus sign", "cross"),
    "ring": ("ring", "hoop", "ring", "donut"),
}
ADJECTIVES = {
    "red": ("red", "red", "crimson", "bright red"),
    "orange": ("orange", "orange", "tangerine", "bright orange"),
    "yellow": ("yellow", "yellow", "golden", "bright yellow"),
    "green": ("green", "green", "emerald", "bright green"),
    "blue": ("blue", "blue", "azure", "bright blue"),
    "purple": ("purple", "purple", "violet", "bright purple"),
}
SIZED = {
    "small": ("small", "little", "tiny"),
    "medium": ("medium", "medium-sized", "mid-sized"),
    "large": ("large", "big", "huge"),
}
BACKDROPS = {
    "black": ("a black background", "a dark black backdrop", "plain black"),
    "white": ("a white background", "a bright white backdrop", "plain white"),
    "grey": ("a grey background", "a gray backdrop", "plain grey", "a gray background"),
    "striped": ("a striped background", "a backdrop of stripes", "stripes", "a stripy pattern"),
    "checkered": ("a checkered background", "a chequered backdrop", "a chessboard pattern"),
    "dotted": ("a dotted background", "a polka dot backdrop", "a pattern of dots", "polka dots"),
}
GOING = {
    "left": ("moving left", "moving to the left", "sliding leftwards", "drifting left"),
    "right": ("moving right", "moving to the right", "sliding rightwards", "drifting right"),
    "up": ("moving up", "rising", "floating upwards", "climbing"),
    "down": ("moving down", "falling", "sinking downwards", "descending"),
    "circling": ("going round in circles", "circling", "orbiting", "moving in a loop"),
    "bouncing": ("bouncing around", "bouncing off the walls", "ricocheting", "bouncing"),
}
PACE = {"slow": ("slowly", "gently", "at a slow pace"), "fast": ("quickly", "fast", "rapidly")}

TRAINING = (
    "{subject}{going} on {backdrop}",
    "{subject}{going} over {backdrop}",
    "{subject} on {backdrop}{then}",
    "on {backdrop}, {subject}{going}",
    "{backdrop} with {subject}{going}",
    "a video of {subject}{going} against {backdrop}",
    "a clip of {subject} on {backdrop}{then}",
    "{backdrop} behind {subject}{going}",
    "there is {subject}{going}, behind it {backdrop}",
    "{subject} against {backdrop}",
    "{bare}, {backdrop}",
    "{bare}{going}, {backdrop}",
)
# Prompts are also written in these, which no caption ever was.
UNSEEN = (
    "find me footage of {subject} that appears in front of {backdrop}",
    "an animation where {subject} travels across {backdrop}",
    "{backdrop}; upon it one sees {subject}{going}",
    "show {subject} set against {backdrop} please",
    "I would like to watch {subject}{going} with {backdrop} underneath",
    "short film: {bare} / {backdrop}",
    "{subject}{going}, filmed before {backdrop}",
    "what does {subject} look like above {backdrop}?",
)
# Captions that omit something: from these a model learns to compose.
NO_BACKDROP = ("{subject}{going}", "a video of {subject}{going}", "{bare}")
PARTIAL = (
    *NO_BACKDROP,
    "{backdrop}",
    "a clip of something on {backdrop}",
    "a {noun}{going}",
    "a {noun} on {backdrop}",
    "something {adjective} on {backdrop}",
    "something {adjective}{going}",
)

# Motion and speed are not among them: one frame does not show them.
_SLOT_ATTRIBUTES = {
    "subject": ("shape", "colour"),
    "bare": ("shape", "colour"),
    "noun": ("shape",),
    "adjective": ("colour",),
    "backdrop": ("background",),
}


def write_caption(rng: np.random.Generator, parts: Parts) -> str:
    """A corpus caption: shape, colour and background nearly always, the rest at times."""
    templates = NO_BACKDROP if rng.random() < 0.06 else TRAINING
    return write_phrase(rng, templates, parts).text


def write_phrase(rng: np.random.Generator, templates: tuple[str, ...], parts: Parts) -> Phrase:
    """One of `templates`, filled in with one of the ways to name each part."""
    noun, adjective = (
        _pick_one(rng, NOUNS[parts["shape"]]),
        _pick_one(rng, ADJECTIVES[parts["colour"]]),
    )
    size = _pick_one(rng, SIZED[parts["size"]]) if parts.get("size") and rng.random() < 0.45 else ""
    going, template = _describe_motion(rng, parts), _pick_one(rng, templates)
    bare = f"{size} {adjective} {noun}".strip()
    words = {
        "subject": f"{_choose_article(bare)} {bare}",
        "bare": bare,
        "noun": noun,
        "adjective": adjective,
        "backdrop": _pick_one(rng, BACKDROPS[parts["background"]]),
        "going": f" {going}" if going else "",
        "then": f", {going}" if going else "",
    }
    return Phrase(template.format_map(words), _named_attributes(template, size))


def list_vocabulary() -> list[str]:
    """Every piece of text that a training caption can contain."""
    tables = (NOUNS, ADJECTIVES, SIZED, BACKDROPS, GOING, PACE)
    pieces = [piece for template in (*TRAINING, *PARTIAL) for piece in Formatter().parse(template)]
    choices = [words for table in tables for several in table.values() for words in several]
    return ["a", "an", ",", *(literal for literal, *_ in pieces), *choices]


def _named_attributes(template: str, size: str) -> frozenset[str]:
    used = {name for _, name, _, _ in Formatter().parse(template) if name}
    named = {attribute for name in used for attribute in _SLOT_ATTRIBUTES.get(name, ())}
    return frozenset(named | {"size"} if size and used & {"subject", "bare"} else named)


def _describe_motion(rng: np.random.Generator, parts: Parts) -> str:
    if not parts.get("motion") or rng.random() < 0.35:
        return ""
    going = _pick_one(rng, GOING[parts["motion"]])
    return f"{going} {_pick_one(rng, PACE[parts['speed']])}" if rng.random() < 0.5 else going


def _choose_article(words: str) -> str:
    return "an" if words[0] in "aeiou" else "a"


def _pick_one(rng: np.random.Generator, choices: tuple[str, ...]) -> str:
    return choices[int(rng.integers(len(choices)))]
