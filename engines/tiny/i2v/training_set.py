"""Clips whose first frame does not tell which way their shape will move, nor how far."""

from math import cos, pi, sin

import numpy as np

from engines.tiny.render import render_frames
from engines.tiny.scene import FPS, RADIUS, Combination, Scene
from engines.tiny.t2v.training_set import BACKGROUNDS, FRAMES, FRAMES_A_SECOND, TRAINED_ON

__all__ = ["BACKGROUNDS", "FRAMES", "FRAMES_A_SECOND", "TRAINED_ON"]

PIXELS = 32
SIZES = ("medium", "large")  # a small star of these few pixels looks like a circle
COMPASS = ("right", "down-right", "down", "down-left", "left", "up-left", "up", "up-right")
# No part of the pipeline is trained on these: clips of them show what it does with new motions.
UNSEEN_MOTIONS = ("down-left", "up-right")
MOTIONS = tuple(motion for motion in COMPASS if motion not in UNSEEN_MOTIONS)
SECTOR = 2 * pi / len(COMPASS)
ASTRAY = SECTOR / 4  # of a heading from its motion's, at most: half of each sector is used
TRAVEL = {"slow": 0.1, "fast": 0.2}  # widths from the first frame to the last
SECONDS = (FRAMES - 1) / FRAMES_A_SECOND  # from the first frame to the last


def draw_moving_scene(
    rng: np.random.Generator,
    combination: Combination | None = None,
    motions: tuple[str, ...] = MOTIONS,
    pixels: int = PIXELS,
) -> Scene:
    """A random scene with one of `motions`, of one combination or of any that is not held out.

    Its start depends on its size alone, and leaves room for the longest way in every direction.
    """
    shape, colour, background = combination or TRAINED_ON[int(rng.integers(len(TRAINED_ON)))]
    motion, speed, size = (_pick_word(rng, words) for words in (motions, tuple(TRAVEL), SIZES))
    # By the training size whatever `pixels` is, so that clips of all sizes start alike.
    room = 0.5 - RADIUS[size] - 1.5 / PIXELS - max(TRAVEL.values())
    start = rng.uniform(0.5 - room, 0.5 + room, 2)
    heading = COMPASS.index(motion) * SECTOR + rng.uniform(-ASTRAY, ASTRAY)
    pace = TRAVEL[speed] / SECONDS
    tint, angle = rng.uniform(-10, 10, 3), rng.uniform(-pi / 15, pi / 15)
    return Scene(
        *(shape, colour, background, motion, speed, size, pixels),
        frames=round(SECONDS * FPS) + 1,
        tint=(float(tint[0]), float(tint[1]), float(tint[2])),
        angle=float(angle),
        start=(float(start[0]), float(start[1])),
        velocity=(pace * cos(heading), pace * sin(heading)),
        texture=(0.2, 0.0, 0.0),
    )


def draw_clip(shown: Scene) -> np.ndarray:
    """All of a scene, in eight frames, as (8, height, width, 3) bytes."""
    return render_frames(shown, np.arange(FRAMES) * FPS / FRAMES_A_SECOND)


def measure_way(scene: Scene) -> np.ndarray:
    """The way (x, y) from the first frame to the last, in longest ways."""
    return np.array(scene.velocity) * SECONDS / max(TRAVEL.values())


def name_heading(way: np.ndarray) -> str:
    """The motion whose heading is nearest to that of a way (x, y); y points down."""
    turn = np.arctan2(way[1], way[0]) / SECTOR
    return COMPASS[round(float(turn)) % len(COMPASS)]


def _pick_word(rng: np.random.Generator, words: tuple[str, ...]) -> str:
    return words[int(rng.integers(len(words)))]
