"""Frames of a scene as RGB arrays: antialiased shapes over plain or patterned backgrounds."""

from collections.abc import Callable
from math import cos, pi, sin

import numpy as np

from engines.tiny.scene import FPS, Scene, trace_path

RGB = {
    "red": (220, 35, 40),
    "orange": (250, 135, 15),
    "yellow": (248, 222, 35),
    "green": (35, 165, 65),
    "blue": (40, 80, 225),
    "purple": (145, 50, 185),
}
PAPER: dict[str, tuple[tuple[int, int, int], tuple[int, int, int]]] = {
    "black": ((12, 12, 12), (12, 12, 12)),
    "white": ((244, 244, 244), (244, 244, 244)),
    "grey": ((128, 128, 128), (128, 128, 128)),
    "striped": ((236, 228, 208), (176, 160, 136)),
    "checkered": ((214, 218, 222), (150, 154, 160)),
    "dotted": ((56, 60, 66), (205, 208, 212)),
}

Distance = Callable[[np.ndarray, np.ndarray], np.ndarray]


def render_frames(scene: Scene, indices: np.ndarray) -> np.ndarray:
    """The frames at `indices` of a scene, as (n, height, width, 3) bytes."""
    pixels = scene.pixels
    centres = trace_path(scene, indices / FPS) * pixels
    side = int(np.ceil(2 * scene.margin * pixels)) + 1
    corners = np.clip(np.floor(centres - side / 2).astype(int), 0, pixels - side)
    rows = corners[:, 1, None] + np.arange(side)
    columns = corners[:, 0, None] + np.arange(side)
    alpha = _shape_coverage(scene, columns + 0.5 - centres[:, :1], rows + 0.5 - centres[:, 1:])
    # Only the square around the shape is blended; the rest is background.
    canvas = np.repeat(render_background(scene)[None], len(indices), axis=0)
    window = (np.arange(len(indices))[:, None, None], rows[:, :, None], columns[:, None, :])
    under = canvas[window].astype(np.float32)
    colour = np.clip(np.add(RGB[scene.colour], scene.tint), 0, 255).astype(np.float32)
    canvas[window] = np.rint(under + alpha[..., None] * (colour - under)).astype(np.uint8)
    return canvas


def render_background(scene: Scene) -> np.ndarray:
    """The background of a scene, as (height, width, 3) bytes."""
    paper, ink = (np.array(c, np.float32) for c in PAPER[scene.background])
    if scene.background not in _PATTERNS:
        return np.tile(paper.astype(np.uint8), (scene.pixels, scene.pixels, 1))
    pitch, direction, phase = scene.texture
    at = (np.arange(scene.pixels, dtype=np.float32) + 0.5) / (pitch * scene.pixels) + phase
    across, down = np.meshgrid(at, at)
    signed = _PATTERNS[scene.background](across, down, direction)
    alpha = np.clip(0.5 - signed * pitch * scene.pixels, 0, 1)[..., None]
    return np.rint(paper + alpha * (ink - paper)).astype(np.uint8)


def _shape_coverage(scene: Scene, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The share of each pixel that the shape covers, by its signed distance to the outline."""
    radius = np.float32(scene.radius * scene.pixels)
    x, y = x[:, None, :].astype(np.float32) / radius, y[:, :, None].astype(np.float32) / radius
    c, s = np.float32(cos(scene.angle)), np.float32(sin(scene.angle))
    return np.clip(0.5 - _DISTANCES[scene.shape](c * x + s * y, c * y - s * x) * radius, 0, 1)


# Signed distances, negative inside: of patterns in pitches, of shapes in radii around 0.


def _fold(at: np.ndarray) -> np.ndarray:
    return np.abs(np.mod(at, 1) - 0.5)


def _stripe_distance(x: np.ndarray, y: np.ndarray, direction: float) -> np.ndarray:
    return _fold(x * np.float32(cos(direction)) + y * np.float32(sin(direction))) - 0.25


def _check_distance(x: np.ndarray, y: np.ndarray, direction: float) -> np.ndarray:
    across, down = _fold(x / 2) - 0.25, _fold(y / 2) - 0.25
    return np.sign(across * down) * np.minimum(np.abs(across), np.abs(down)) * 2


def _dot_distance(x: np.ndarray, y: np.ndarray, direction: float) -> np.ndarray:
    return np.hypot(_fold(x), _fold(y)) - 0.27


def _circle_distance(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.hypot(x, y) - 0.88


def _square_distance(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.maximum(np.abs(x), np.abs(y)) - 0.7


def _triangle_distance(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    slant = np.float32(sin(pi / 3)) * np.abs(x) - y / 2
    return np.maximum(slant, y) - 0.5


def _star_distance(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    tip, notch, half = 1.0, 0.42, pi / 5
    turn = np.abs(np.mod(np.arctan2(x, -y) + half, 2 * half) - half)
    reach = np.hypot(x, y)
    across, along = reach * np.sin(turn), reach * np.cos(turn)
    rise, run = tip - notch * cos(half), notch * sin(half)
    return (across * rise + (along - tip) * run) / np.float32(np.hypot(rise, run))


def _cross_distance(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    x, y = np.abs(x), np.abs(y)
    return np.minimum(np.maximum(x - 0.92, y - 0.29), np.maximum(x - 0.29, y - 0.92))


def _ring_distance(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.abs(np.hypot(x, y) - 0.7) - 0.22


_PATTERNS = {"striped": _stripe_distance, "checkered": _check_distance, "dotted": _dot_distance}
_DISTANCES: dict[str, Distance] = {
    "circle": _circle_distance,
    "square": _square_distance,
    "triangle": _triangle_distance,
    "star": _star_distance,
    "cross": _cross_distance,
    "ring": _ring_distance,
}
