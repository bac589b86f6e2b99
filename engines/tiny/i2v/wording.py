"""Captions of clips that go eight ways: of all that a clip shows, and of its motion alone."""

import numpy as np

from engines.tiny import wording
from engines.tiny.scene import Scene

GOING = {name: wording.GOING[name] for name in ("left", "right", "up", "down")} | {
    f"{rise}-{side}": (
        f"moving {rise} and to the {side}",
        f"sliding diagonally {rise} and {side}",
        f"drifting to the {corner} {side}",
    )
    for rise, corner in (("up", "upper"), ("down", "lower"))
    for side in ("left", "right")
}


def write_captions(rng: np.random.Generator, shown: Scene) -> tuple[str, str]:
    """What a scene looks like and how it moves, and how it moves alone."""
    looks = {name: getattr(shown, name) for name in ("shape", "colour", "background", "size")}
    going, pace = _pick_one(rng, GOING[shown.motion]), _pick_one(rng, wording.PACE[shown.speed])
    text = wording.write_phrase(rng, wording.TRAINING, looks).text
    return f"{text}, {going} {pace}", f"something {going} {pace}"


def _pick_one(rng: np.random.Generator, choices: tuple[str, ...]) -> str:
    return choices[int(rng.integers(len(choices)))]
