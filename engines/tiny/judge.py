"""Judges whether a clip of a moving shape shows the requested motion, shape and colour."""

from collections.abc import Mapping
from functools import cache
from math import pi

import numpy as np

from engines.tiny.render import RGB, render_frames
from engines.tiny.scene import COLOURS, SHAPES, Scene
from engines.tiny.tracker import Track, track_shape

STILL = 0.06  # widths: a shape that moves less within a clip is still
ASKEW = pi / 7  # from an axis: a straight path at a larger angle is a bouncing one
STRAY = 0.15  # of its length: how far a straight path may stray from steady motion
TREMBLE = 0.03  # widths: how far it may always stray, since blurred shapes tremble
TURNED = 0.3  # turns around the middle that make a path a circle
ROUND = 0.25  # of the radius: how far a circle's may vary
TEMPLATE = 32  # pixels
ANGLES = np.linspace(-pi / 12, pi / 12, 5)


def judge_clip(
    clip: np.ndarray, expected: Mapping[str, str]
) -> dict[str, tuple[float, str | None]]:
    """1 or 0 for "motion" and "appearance" (shape and colour), and the reason for a 0.

    `clip` is (n, height, width, 3) bytes over a plain background; `expected` names motion, shape
    and colour; one that is missing counts as right.
    """
    track = track_shape(clip)
    # Below that there is too little of a path to tell a motion by.
    if track.visible.mean() < 0.75:
        why = f"a shape in {track.visible.sum()} of {len(clip)} frames"
        return {"motion": (0.0, why), "appearance": (0.0, why)}
    return {
        "motion": _compare_words(expected, {"motion": classify_motion(track)}),
        "appearance": _compare_words(
            expected, {"shape": classify_shape(track), "colour": classify_colour(track)}
        ),
    }


def classify_motion(track: Track) -> str:
    """The motion of a path: one of the corpus's, or "still"."""
    moments = np.flatnonzero(track.visible)
    path = track.centres[moments]
    if np.ptp(path, axis=0).max() < STILL:
        return "still"
    if heading := _find_heading(path, moments):
        return heading
    return "circling" if _is_circle(path) else "bouncing"


def _find_heading(path: np.ndarray, moments: np.ndarray) -> str | None:
    """Left, right, up or down, if the path goes steadily one way along one axis."""
    line = np.polynomial.Polynomial.fit
    fitted = np.stack([line(moments, axis, 1)(moments) for axis in path.T], axis=1)
    way = fitted[-1] - fitted[0]
    strays = np.hypot(*(path - fitted).T)
    along = int(np.abs(way).argmax())
    askew = np.arctan2(abs(way[1 - along]), abs(way[along]))
    if askew > ASKEW or np.sqrt(np.square(strays).mean()) > max(STRAY * np.hypot(*way), TREMBLE):
        return None
    return (("left", "right"), ("up", "down"))[along][int(way[along] > 0)]


def classify_shape(track: Track) -> str:
    """The shape whose silhouette overlaps most with the masks, summed over frames."""
    likeness = dict.fromkeys(SHAPES, 0.0)
    for mask in track.masks[track.visible]:
        square = _normalise_mask(mask)
        for name in SHAPES:
            likeness[name] += max(_mask_overlap(square, other) for other in _draw_silhouettes(name))
    return max(likeness, key=lambda name: likeness[name])


def classify_colour(track: Track) -> str:
    """The colour of the corpus nearest, in RGB, to the median of the shape's pixels."""
    median = np.nanmedian(track.colours, axis=0)
    return min(COLOURS, key=lambda name: float(np.linalg.norm(np.subtract(RGB[name], median))))


def _compare_words(
    expected: Mapping[str, str], shown: Mapping[str, str]
) -> tuple[float, str | None]:
    wrong = [f"{v} instead of {expected[k]}" for k, v in shown.items() if expected.get(k, v) != v]
    return (0.0, ", ".join(wrong)) if wrong else (1.0, None)


def _is_circle(path: np.ndarray) -> bool:
    """Whether the path turns steadily around the picture's middle at one distance from it."""
    spokes = path - 0.5
    radius = np.hypot(*spokes.T)
    turns = np.diff(np.unwrap(np.arctan2(spokes[:, 1], spokes[:, 0]))) / (2 * pi)
    steady = (turns > 0).mean() >= 0.8  # jitter may turn a few steps back
    return bool(steady and turns.sum() >= TURNED and radius.std() <= ROUND * radius.mean())


@cache
def _draw_silhouettes(name: str) -> tuple[np.ndarray, ...]:
    stills = [render_frames(_build_still(name, angle), np.zeros(1, int)) for angle in ANGLES]
    return tuple(_normalise_mask(track_shape(still).masks[0]) for still in stills)


def _build_still(name: str, angle: float) -> Scene:
    return Scene(
        name, "red", "black", "right", "slow", "large", 64, 1,
        (0.0, 0.0, 0.0), angle, (0.5, 0.5), (0.0, 0.0), (0.2, 0.0, 0.0),
    )  # fmt: skip


def _normalise_mask(mask: np.ndarray) -> np.ndarray:
    """The mask centred on its centroid, at one size whatever the shape's."""
    y, x = np.nonzero(mask)
    reach = 1.1 * max(np.hypot(x - x.mean(), y - y.mean()).max(), 1.0)
    grid = (np.arange(TEMPLATE) + 0.5) / TEMPLATE * 2 - 1
    rows = np.clip(np.rint(y.mean() + grid * reach), 0, mask.shape[0] - 1).astype(int)
    columns = np.clip(np.rint(x.mean() + grid * reach), 0, mask.shape[1] - 1).astype(int)
    return mask[np.ix_(rows, columns)]


def _mask_overlap(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / max((one | other).sum(), 1))
