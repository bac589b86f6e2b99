"""Motion smoothness, by a network or by the average: closed forms of both."""

from pathlib import Path

import numpy as np
import pytest
from support.stubs import Planted

from data.specs.evaluate import EvaluateSpec
from engines.evaluate.metrics import motion_smoothness, motion_smoothness_average
from engines.evaluate.protocol import Sample
from engines.evaluate.vision.registry import explain_missing_weights


class Averages:
    """An interpolator that gives the average, and remembers the shapes it was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, ...]] = []

    def interpolate_pairs(self, earlier: np.ndarray, later: np.ndarray) -> np.ndarray:
        self.asked.append(earlier.shape)
        return (earlier.astype(np.float32) + later) / 2


def scores(frames: np.ndarray):
    models, sample = Planted(interpolator=Averages()), Sample(frames, 8.0)
    (one,) = motion_smoothness.Metric(models.spec, models).score(sample).values()
    (two,) = motion_smoothness_average.Metric(models.spec, models).score(sample).values()
    return one, two


def shades(*values: int) -> np.ndarray:
    return np.stack([np.full((4, 6, 3), value, np.uint8) for value in values])


@pytest.mark.parametrize(
    ("frames", "value"),
    [
        (shades(0, 10, 20, 30, 40), 1.0),  # a fade
        (shades(0, 255, 0, 255), 0.0),
        (shades(7, 7, 7), 1.0),
        (shades(0, 0, 51), 1 - 25.5 / 255),
        (shades(0, 0, 51, 255), 1 - 25.5 / 255),  # the last frame has no neighbour after it
        (shades(0, 51, 0, 0, 0, 0), 1 - 25.5 / 255),
    ],
)
def test_closed_forms(frames, value) -> None:
    for found in scores(frames):
        assert found.value == pytest.approx(value, abs=1e-7)


def test_both_are_the_formula_in_float64() -> None:
    frames = np.random.default_rng(0).integers(0, 256, (8, 5, 4, 3), dtype=np.uint8)
    wide = frames.astype(np.float64)
    errors = [np.abs(wide[n] - (wide[n - 1] + wide[n + 1]) / 2).mean() for n in (1, 3, 5)]
    for found in scores(frames):
        assert found.value == pytest.approx((255 - np.mean(errors)) / 255, abs=1e-9)


@pytest.mark.parametrize("count", [1, 2])
def test_fewer_than_three_frames_cannot_be_measured(count) -> None:
    for found in scores(shades(*range(count))):
        assert found.value is None and f"no frame of {count}" in found.reason


def test_without_an_interpolator_it_is_absent_and_the_average_is_not(tmp_path: Path) -> None:
    assert "AMT-S" in explain_missing_weights(EvaluateSpec(), *motion_smoothness.MODELS)
    assert motion_smoothness_average.MODELS == ()
