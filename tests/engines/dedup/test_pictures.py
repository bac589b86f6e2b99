"""Pictures of copies correlate whatever was done to them; those of look-alikes do not."""

from pathlib import Path

import numpy as np
import pytest
from support import golden

from data.records import Video
from engines.dedup.alignment import Alignment
from engines.dedup.comparison import Pair
from engines.dedup.pictures import compare_pictures, correlate_pairs
from engines.video.guard.guard import Guard

RANDOM = np.random.default_rng(0)
SIDE = 64


def film(path: np.ndarray, seed: int = 0) -> np.ndarray:
    """Eight pictures (8, 3, 64, 64) of a bright disc on one ground; `path` (8, 2) is its centre."""
    ground = np.kron(np.random.default_rng(seed).integers(30, 190, (8, 8)), np.ones((8, 8)))
    rows, columns = np.mgrid[:SIDE, :SIDE]
    pictures = []
    for row, column in path * SIDE:
        disc = (rows - row) ** 2 + (columns - column) ** 2 < 10**2
        pictures.append(np.where(disc, 230, ground))
    return np.repeat(np.stack(pictures)[:, None], 3, axis=1).astype(np.uint8)


STEPS = np.linspace(0.2, 0.8, 8)
PATH = np.stack([STEPS, STEPS**2 + 0.15], axis=1)
WHOLE = film(PATH)


def scale(pictures: np.ndarray, rows: slice, columns: slice) -> np.ndarray:
    """A part of the pictures, as large as they are."""
    part = pictures[:, :, rows, columns]
    at = [np.linspace(0, size - 1, SIDE).round().astype(int) for size in part.shape[2:]]
    return part[:, :, at[0]][:, :, :, at[1]]


@pytest.mark.parametrize(
    "copy",
    [
        pytest.param(WHOLE.copy(), id="same"),
        pytest.param(np.clip(WHOLE + RANDOM.normal(0, 12, WHOLE.shape), 0, 255), id="noisy"),
        pytest.param(WHOLE[..., ::-1], id="mirrored"),
        pytest.param(scale(WHOLE, slice(6, 58), slice(6, 58)), id="cropped"),
        pytest.param(np.pad(WHOLE, ((0, 0), (0, 0), (12, 12), (0, 0)))[:, :, ::88 // 64],
                     id="letterboxed"),
    ],
)  # fmt: skip
def test_copies_are_alike(copy: np.ndarray) -> None:
    copy = copy.astype(np.uint8)
    assert compare_pictures(WHOLE, copy) > 0.7
    assert compare_pictures(copy, WHOLE) > 0.7


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(film(PATH[::-1]), id="the other way"),
        pytest.param(film(PATH[:, ::-1] * [1, 0.6]), id="another way"),
        pytest.param(film(np.full((8, 2), 0.5)), id="still"),
        pytest.param(film(PATH, seed=1), id="another ground"),
    ],
)
def test_look_alikes_are_not(other: np.ndarray) -> None:
    assert compare_pictures(WHOLE, other) < 0.7


def test_still_pictures_are_compared_as_they_are() -> None:
    still, other = film(np.full((8, 2), 0.4)), film(np.full((8, 2), 0.4), seed=1)
    noisy = np.clip(still + RANDOM.normal(0, 4, still.shape), 0, 255).astype(np.uint8)
    assert compare_pictures(still, noisy) > 0.9 and compare_pictures(still, other) < 0.7
    even = np.full((8, 3, SIDE, SIDE), 128, np.uint8)
    assert compare_pictures(even, even) == pytest.approx(1)


def test_a_copy_of_fewer_frames_is_compared_at_the_same_moments(tmp_path: Path) -> None:
    """Its frames are nearest to several moments each: one after another they would run ahead."""
    every = film(np.stack([np.linspace(0.2, 0.8, 40), np.linspace(0.8, 0.2, 40) ** 2], axis=1))

    def write(name: str, step: int) -> Video:
        frames = every[::step].transpose(0, 2, 3, 1)
        file = golden.clip(
            tmp_path / f"{name}.mp4", frames=len(frames), fps=10 // step, size=(SIDE, SIDE),
            draw=lambda n, _: frames[n],
        )  # fmt: skip
        return Video(name, str(file), name)

    videos = {name: write(name, step) for name, step in (("few", 10), ("many", 1))}
    alignment = Alignment(0.99, 1.0, 0.0, (0.0, 3.0), (0.0, 3.0))
    pairs = [Pair(*names, 0.99, alignment) for names in (("few", "many"), ("many", "few"))]
    with Guard(1) as guard:
        values = correlate_pairs(guard, pairs, videos)
    assert all(isinstance(value, float) and value > 0.7 for value in values), values
