"""DIS flow: a moving square is dynamic, a still one is not."""

import numpy as np
import pytest

from data.specs.evaluate import EvaluateSpec
from engines.evaluate.metrics.dynamic_degree_dis import Metric, compute_speeds
from engines.evaluate.protocol import Sample
from engines.evaluate.vision.registry import ModelRegistry


def move(step: int, count: int = 6) -> np.ndarray:
    """A textured picture that moves by `step` pixels a frame."""
    rng = np.random.default_rng(0)
    wide = np.kron(rng.integers(0, 256, (16, 40, 3), np.uint8), np.ones((8, 8, 1), np.uint8))
    return np.stack([wide[:, n * step : n * step + 128] for n in range(count)])


def score(frames: np.ndarray) -> dict[str, float | None]:
    spec = EvaluateSpec()
    metric = Metric(spec, ModelRegistry(spec))
    return {name: each.value for name, each in metric.score(Sample(frames, 8.0, {})).items()}


def test_a_shift_has_its_speed() -> None:
    assert np.median(compute_speeds(move(4))) == pytest.approx(4 / 128, rel=0.15)
    assert score(move(4))["dynamic_degree_dis"] == 1
    still = score(np.repeat(move(0, 1), 5, axis=0))
    assert still == {"dynamic_degree_dis": 0, "dynamic_degree_dis_flow": pytest.approx(0, abs=1e-4)}
    assert set(score(move(0, 1)).values()) == {None}
