"""What every metric keeps to; a file added to engines/evaluate is tested without being listed."""

from pathlib import Path

import numpy as np
import pytest

import engines.evaluate
from data.specs import EmbedSpec
from engines.base import plugin
from engines.tiny.t2v import footage

NAMES = sorted(p.stem for p in Path(engines.evaluate.__file__).parent.glob("[a-z]*.py"))
CLIP = EmbedSpec(precision="fp32")


def shown(seed: int = 0) -> tuple[np.ndarray, dict[str, str]]:
    rng = np.random.default_rng(seed)
    scene = footage.scene(rng)
    asked = {name: getattr(scene, name) for name in ("motion", "shape", "colour", "background")}
    said = f"a {scene.colour} {scene.shape} on a {scene.background} background"
    return footage.clip(rng, scene), asked | {"prompt": said}


@pytest.fixture(params=NAMES)
def metric(request: pytest.FixtureRequest):
    made = plugin("evaluate", request.param).Metric(CLIP)
    made.load(1)
    return made


def test_a_metric_scores_what_it_says_it_does_and_the_same_each_time(metric) -> None:
    clip, asked = shown()
    found = metric.score(clip, asked)
    assert found.keys() == metric.better.keys()
    assert set(metric.better.values()) <= {"higher", "lower"}
    assert metric.score(clip.copy(), asked) == found


def test_a_video_of_something_else_scores_worse(metric) -> None:
    clip, asked = shown()
    others = (shown(seed) for seed in range(1, 100))
    other = next(c for c, its in others if all(its[n] != asked[n] for n in asked))
    mine, theirs = metric.score(clip, asked), metric.score(other, asked)
    for name, way in metric.better.items():
        better = mine[name].value > theirs[name].value
        assert better if way == "higher" else not better


def test_there_is_a_version(metric) -> None:
    for name in NAMES:
        assert plugin("evaluate", name).VERSION
