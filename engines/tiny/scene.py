"""A scene of the moving-shapes corpus: its attributes, and the numbers that make it unique."""

import hashlib
from dataclasses import dataclass
from itertools import product
from math import cos, pi, sin

import numpy as np

SHAPES = ("circle", "square", "triangle", "star", "cross", "ring")
COLOURS = ("red", "orange", "yellow", "green", "blue", "purple")
BACKGROUNDS = ("black", "white", "grey", "striped", "checkered", "dotted")
MOTIONS = ("left", "right", "up", "down", "circling", "bouncing")
SPEEDS = ("slow", "fast")
SIZES = ("small", "medium", "large")

FPS = 25
RADIUS = {"small": 0.15, "medium": 0.19, "large": 0.235}
FRAMES = {"slow": (63, 100), "fast": (50, 54)}
WIDTHS_A_SECOND = {"slow": 0.08, "fast": 0.22}
BOUNCES_FASTER = 2.5  # at the others' pace few slow clips would reach a wall
TURNS_A_SECOND = {"slow": 0.3, "fast": 0.9}
HEADING = {"right": 0.0, "down": pi / 2, "left": pi, "up": -pi / 2}

Combination = tuple[str, str, str]


@dataclass(frozen=True)
class Scene:
    """One clip: six attributes in words, and the renderer's numbers, in widths and seconds."""

    shape: str
    colour: str
    background: str
    motion: str
    speed: str
    size: str
    pixels: int
    frames: int
    tint: tuple[float, float, float]
    angle: float
    start: tuple[float, float]
    velocity: tuple[float, float]
    texture: tuple[float, float, float]  # pitch in widths, direction in radians, phase in pitches

    @property
    def combination(self) -> Combination:
        """Shape, colour and background: the split holds out combinations of these."""
        return (self.shape, self.colour, self.background)

    @property
    def radius(self) -> float:
        """The radius of the circle that holds the shape, in widths."""
        return RADIUS[self.size]

    @property
    def margin(self) -> float:
        """The least distance of the centre from an edge, in widths, at which all is in view."""
        return self.radius + 1.5 / self.pixels


COMBINATIONS: tuple[Combination, ...] = tuple(product(SHAPES, COLOURS, BACKGROUNDS))


def _combination_digest(combination: Combination) -> str:
    return hashlib.sha256("/".join(("held-out", *combination)).encode()).hexdigest()


# By digest, so that the split depends on the words alone, on no random generator.
HELD_OUT: frozenset[Combination] = frozenset(sorted(COMBINATIONS, key=_combination_digest)[:32])
TRAINED: tuple[Combination, ...] = tuple(c for c in COMBINATIONS if c not in HELD_OUT)


def scene_at(seed: int, index: int) -> Scene:
    """The scene of clip `index`: every run of 216 clips shows each combination once."""
    cycle, place = divmod(index, len(COMBINATIONS))
    order = np.random.default_rng([seed, 0, cycle]).permutation(len(COMBINATIONS))
    return draw_scene(np.random.default_rng([seed, 1, index]), COMBINATIONS[order[place]])


def draw_scene(rng: np.random.Generator, combination: Combination) -> Scene:
    """A random scene of one combination."""
    shape, colour, background = combination
    motion, speed, size = (_pick_word(rng, words) for words in (MOTIONS, SPEEDS, SIZES))
    pixels = int(rng.choice((64, 80, 96)))
    frames = int(rng.integers(*FRAMES[speed], endpoint=True))
    margin = RADIUS[size] + 1.5 / pixels
    velocity = _draw_velocity(rng, motion, speed)
    tint = rng.uniform(-10, 10, 3)
    angle = rng.uniform(-pi / 15, pi / 15)
    start = [_draw_start(rng, margin, v * frames / FPS, motion) for v in velocity]
    texture = (rng.uniform(0.16, 0.22), rng.integers(4) * pi / 4, rng.uniform())
    return Scene(
        *(shape, colour, background, motion, speed, size, pixels, frames),
        tint=(float(tint[0]), float(tint[1]), float(tint[2])),
        angle=float(angle),
        start=(start[0], start[1]),
        velocity=velocity,
        texture=(float(texture[0]), float(texture[1]), float(texture[2])),
    )


def trace_path(scene: Scene, seconds: np.ndarray) -> np.ndarray:
    """Where the shape's centre is at each of `seconds`, as (n, 2) x and y in widths."""
    low, high = scene.margin, 1 - scene.margin
    if scene.motion == "circling":
        turn = 2 * pi * (scene.start[0] + TURNS_A_SECOND[scene.speed] * seconds)
        reach = (high - low) / 2
        return 0.5 + reach * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    # Folded back at the walls, like light in mirrors.
    straight = np.array(scene.start) + seconds[:, None] * np.array(scene.velocity)
    folded = np.mod(straight - low, 2 * (high - low))
    return low + np.minimum(folded, 2 * (high - low) - folded)


def _pick_word(rng: np.random.Generator, words: tuple[str, ...]) -> str:
    return words[int(rng.integers(len(words)))]


def _draw_velocity(rng: np.random.Generator, motion: str, speed: str) -> tuple[float, float]:
    pace = WIDTHS_A_SECOND[speed]
    if motion == "bouncing":
        heading = float(rng.integers(4)) * pi / 2 + rng.uniform(0.2, 0.3) * pi
        pace *= BOUNCES_FASTER
    else:
        heading = HEADING.get(motion, 0.0)
    return (pace * cos(heading), pace * sin(heading))


def _draw_start(rng: np.random.Generator, margin: float, travel: float, motion: str) -> float:
    if motion in ("circling", "bouncing"):
        travel = 0.0
    return float(rng.uniform(margin - min(travel, 0), 1 - margin - max(travel, 0)))
