"""What the bundled text-to-video model is shown: short clips, and what is said of them."""

from dataclasses import replace

import numpy as np

from engines.tiny import wording
from engines.tiny.render import frames
from engines.tiny.scene import FPS, MOTIONS, SEEN, Scene, draw

PIXELS = 64
FRAMES = 8
FRAMES_A_SECOND = 4
# Patterns would take most of the 256 numbers that the codec has for a picture.
BACKGROUNDS = ("black", "white", "grey")
SHOWN = tuple(combination for combination in SEEN if combination[2] in BACKGROUNDS)
# No caption ever names the other motions: what a model does with them it learnt from a bank.
NAMED = ("left", "right", "bouncing")
UNNAMED = tuple(motion for motion in MOTIONS if motion not in NAMED)


def scene(rng: np.random.Generator) -> Scene:
    """A random scene, of a combination that is not held out, at the size that is generated."""
    return replace(draw(rng, SHOWN[int(rng.integers(len(SHOWN)))]), pixels=PIXELS)


def clip(rng: np.random.Generator, shown: Scene) -> np.ndarray:
    """A stretch of a scene as (8, 64, 64, 3) bytes, from a random moment on."""
    steps = np.arange(FRAMES) * FPS / FRAMES_A_SECOND
    start = rng.uniform(0, shown.frames - 1 - steps[-1])
    return frames(shown, np.rint(start + steps).astype(int))


def caption(rng: np.random.Generator, shown: Scene) -> str:
    """What is said of a scene: never how it moves, where that has no name."""
    parts = {name: getattr(shown, name) for name in ("shape", "colour", "background", "size")}
    if shown.motion in NAMED:
        parts |= {"motion": shown.motion, "speed": shown.speed}
    return wording.caption(rng, parts)
