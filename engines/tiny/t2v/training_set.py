"""The training set of the bundled text-to-video model: short clips and their captions."""

from dataclasses import replace

import numpy as np

from engines.tiny import wording
from engines.tiny.render import render_frames
from engines.tiny.scene import FPS, MOTIONS, TRAINED, Scene, draw_scene

PIXELS = 64
FRAMES = 8
FRAMES_A_SECOND = 4
# Patterns would take most of the 256 numbers that the codec has for a picture.
BACKGROUNDS = ("black", "white", "grey")
TRAINED_ON = tuple(combination for combination in TRAINED if combination[2] in BACKGROUNDS)
# No caption names the other motions: a model can learn them from retrieved clips only.
NAMED_MOTIONS = ("left", "right", "bouncing")
UNNAMED_MOTIONS = tuple(motion for motion in MOTIONS if motion not in NAMED_MOTIONS)


def draw_training_scene(rng: np.random.Generator) -> Scene:
    """A random scene, of a combination that is not held out, at the generated size."""
    return replace(draw_scene(rng, TRAINED_ON[int(rng.integers(len(TRAINED_ON)))]), pixels=PIXELS)


def draw_clip(rng: np.random.Generator, shown: Scene) -> np.ndarray:
    """Eight frames of a scene as (8, 64, 64, 3) bytes, from a random moment on."""
    steps = np.arange(FRAMES) * FPS / FRAMES_A_SECOND
    start = rng.uniform(0, shown.frames - 1 - steps[-1])
    return render_frames(shown, np.rint(start + steps).astype(int))


def write_caption(rng: np.random.Generator, shown: Scene) -> str:
    """A caption of a scene; its motion is named only if it is one of `NAMED_MOTIONS`."""
    parts = {name: getattr(shown, name) for name in ("shape", "colour", "background", "size")}
    if shown.motion in NAMED_MOTIONS:
        parts |= {"motion": shown.motion, "speed": shown.speed}
    return wording.write_caption(rng, parts)
