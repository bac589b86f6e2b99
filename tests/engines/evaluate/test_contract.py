"""What every metric keeps to; a file added to engines/evaluate is tested without being listed."""

from pathlib import Path

import numpy as np
import pytest

import engines.evaluate
from data.evaluate_specs import EvaluateSpec
from engines.base import plugin
from engines.evaluation import Sample
from engines.perception.models import Models, absent
from engines.tiny.t2v import footage

NAMES = sorted(p.stem for p in Path(engines.evaluate.__file__).parent.glob("[a-z]*.py"))
SPEC = EvaluateSpec(metrics=tuple(NAMES))


def shown(seed: int = 0) -> Sample:
    rng = np.random.default_rng(seed)
    scene = footage.scene(rng)
    asked = {name: getattr(scene, name) for name in ("motion", "shape", "colour", "background")}
    said = f"a {scene.colour} {scene.shape} on a {scene.background} background"
    return Sample(footage.clip(rng, scene), 4.0, asked | {"prompt": said})


@pytest.fixture(params=NAMES)
def metric(request: pytest.FixtureRequest):
    module = plugin("evaluate", request.param)
    if lacking := [absent(SPEC, name) for name in module.MODELS if absent(SPEC, name)]:
        pytest.skip(f"tested with random weights in its own file: {lacking[0]}")
    return module.Metric(SPEC, Models(SPEC))


def test_a_metric_scores_what_it_says_it_does_and_the_same_each_time(metric) -> None:
    video = shown()
    found = metric.score(video)
    assert found.keys() == metric.better.keys()
    assert set(metric.better.values()) <= {"higher", "lower"}
    metric.score(shown(1))
    assert metric.score(shown()) == found


@pytest.mark.parametrize("name", ["moving_shapes", "text_similarity"])
def test_a_video_of_something_else_scores_worse(name: str) -> None:
    metric = plugin("evaluate", name).Metric(SPEC, Models(SPEC))
    mine = shown()
    other = next(
        video
        for video in (shown(seed) for seed in range(1, 100))
        if all(video.asked[n] != mine.asked[n] for n in mine.asked)
    )
    theirs = Sample(other.frames, other.fps, mine.asked)
    for name, score in metric.score(mine).items():
        assert score.value > metric.score(theirs)[name].value


@pytest.mark.parametrize("name", NAMES)
def test_there_is_a_version_and_a_label(name: str) -> None:
    module = plugin("evaluate", name)
    assert module.VERSION
    assert module.LABEL
