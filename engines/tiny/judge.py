"""Whether a clip of a moving shape shows what was asked for: its motion, shape and colour."""

from collections.abc import Mapping
from functools import cache
from math import pi

import numpy as np

from engines.tiny.render import RGB, frames
from engines.tiny.scene import COLOURS, SHAPES, Scene
from engines.tiny.tracker import Track, track

STILL = 0.06  # widths: what moves less within a clip does not move
ASKEW = pi / 7  # from an axis: beyond it a straight path is a bouncing one
STRAY = 0.15  # of the way: how far a straight path may stray from steady motion
TREMBLE = 0.03  # widths: what it may stray whatever the way, as blurred shapes do
TURNED = 0.3  # turns around the middle that make a path a circle
ROUND = 0.25  # of the radius: how far a circle's may vary
TEMPLATE = 32  # pixels
ANGLES = np.linspace(-pi / 12, pi / 12, 5)


def judge(clip: np.ndarray, asked: Mapping[str, str]) -> dict[str, tuple[float, str | None]]:
    """1 or 0 for "motion" and "appearance" (shape and colour), and why where it is 0.

    `clip` is (n, height, width, 3) bytes over a plain background; `asked` names motion, shape and
    colour, of which those that are absent count as right.
    """
    seen = track(clip)
    if seen.found.mean() < 0.75:
        why = f"a shape in {seen.found.sum()} of {len(clip)} frames"
        return {"motion": (0.0, why), "appearance": (0.0, why)}
    return {
        "motion": _right(asked, {"motion": motion(seen)}),
        "appearance": _right(asked, {"shape": shape(seen), "colour": colour(seen)}),
    }


def motion(seen: Track) -> str:
    """The motion that a path is: one of the corpus's, or "still"."""
    moments = np.flatnonzero(seen.found)
    path = seen.centres[moments]
    if np.ptp(path, axis=0).max() < STILL:
        return "still"
    if heading := _heading(path, moments):
        return heading
    return "circling" if _circles(path) else "bouncing"


def _heading(path: np.ndarray, moments: np.ndarray) -> str | None:
    """Left, right, up or down, where the path goes steadily one way along one axis."""
    line = np.polynomial.Polynomial.fit
    fitted = np.stack([line(moments, axis, 1)(moments) for axis in path.T], axis=1)
    way = fitted[-1] - fitted[0]
    strays = np.hypot(*(path - fitted).T)
    along = int(np.abs(way).argmax())
    askew = np.arctan2(abs(way[1 - along]), abs(way[along]))
    if askew > ASKEW or np.sqrt(np.square(strays).mean()) > max(STRAY * np.hypot(*way), TREMBLE):
        return None
    return (("left", "right"), ("up", "down"))[along][int(way[along] > 0)]


def shape(seen: Track) -> str:
    """The shape whose silhouette the masks are most like, summed over frames."""
    likeness = dict.fromkeys(SHAPES, 0.0)
    for mask in seen.masks[seen.found]:
        square = _squared(mask)
        for name in SHAPES:
            likeness[name] += max(_overlap(square, other) for other in _silhouettes(name))
    return max(likeness, key=lambda name: likeness[name])


def colour(seen: Track) -> str:
    """The colour of the corpus that the shape's median is nearest to in hue and lightness."""
    median = np.nanmedian(seen.colours, axis=0)
    return min(COLOURS, key=lambda name: float(np.linalg.norm(np.subtract(RGB[name], median))))


def _right(asked: Mapping[str, str], shown: Mapping[str, str]) -> tuple[float, str | None]:
    wrong = [f"{v} instead of {asked[k]}" for k, v in shown.items() if asked.get(k, v) != v]
    return (0.0, ", ".join(wrong)) if wrong else (1.0, None)


def _circles(path: np.ndarray) -> bool:
    """Whether the path turns steadily around the picture's middle at one distance from it."""
    spokes = path - 0.5
    radius = np.hypot(*spokes.T)
    turns = np.diff(np.unwrap(np.arctan2(spokes[:, 1], spokes[:, 0]))) / (2 * pi)
    steady = (turns > 0).mean() >= 0.8
    return bool(steady and turns.sum() >= TURNED and radius.std() <= ROUND * radius.mean())


@cache
def _silhouettes(name: str) -> tuple[np.ndarray, ...]:
    return tuple(_squared(track(frames(_still(name, angle), np.zeros(1, int))).masks[0])
                 for angle in ANGLES)  # fmt: skip


def _still(name: str, angle: float) -> Scene:
    return Scene(
        name, "red", "black", "right", "slow", "large", 64, 1,
        (0.0, 0.0, 0.0), angle, (0.5, 0.5), (0.0, 0.0), (0.2, 0.0, 0.0),
    )  # fmt: skip


def _squared(mask: np.ndarray) -> np.ndarray:
    """The mask centred on its centroid, at one size whatever the shape's."""
    y, x = np.nonzero(mask)
    reach = 1.1 * max(np.hypot(x - x.mean(), y - y.mean()).max(), 1.0)
    grid = (np.arange(TEMPLATE) + 0.5) / TEMPLATE * 2 - 1
    rows = np.clip(np.rint(y.mean() + grid * reach), 0, mask.shape[0] - 1).astype(int)
    columns = np.clip(np.rint(x.mean() + grid * reach), 0, mask.shape[1] - 1).astype(int)
    return mask[np.ix_(rows, columns)]


def _overlap(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / max((one | other).sum(), 1))
