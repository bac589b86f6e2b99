"""What every metric keeps to; a file added to engines/evaluate is tested without being listed."""

from pathlib import Path

import numpy as np
import pytest
import torch
from support import stubs, toy_detectors, toy_models

import engines.evaluate.metrics
from data.specs.evaluate import EvaluateSpec
from data.specs.models import SHAPES
from data.specs.pipeline import EmbedSpec
from engines.base import load_plugin
from engines.embed.weights import digest_file
from engines.evaluate.models import interpolator
from engines.evaluate.protocol import GroundTruth, NoReference, Sample
from engines.evaluate.vision.registry import ModelRegistry
from engines.tiny.t2v import training_set

NAMES = sorted(p.stem for p in Path(engines.evaluate.metrics.__file__).parent.glob("[a-z]*.py"))
SHOWN_TO = EmbedSpec(model=SHAPES, precision="fp32")  # what the pictures are of
SPEC = EvaluateSpec(metrics=tuple(NAMES), clip=SHOWN_TO)


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> EvaluateSpec:
    """Small random weights for every model."""
    folder = tmp_path_factory.mktemp("weights")
    small = toy_models.write_small(folder) | toy_detectors.write_small(folder)
    return EvaluateSpec(clip=SHOWN_TO, weights=small | {"interpolator": _interpolator(folder)})


@pytest.fixture(scope="module")
def truth(spec: EvaluateSpec) -> GroundTruth:
    """What a benchmark may know of a clip, by the same models."""
    models, noise = (
        ModelRegistry(spec),
        np.random.default_rng(0).integers(0, 256, (3, 40, 30, 3), "u1"),
    )
    return stubs.known(
        text_vector=models.get("clip").embed_texts(["a ball"])[0],
        video_vectors=models.get("clip").embed_images(noise),
        subject_vectors={"man": models.get("dino").embed(noise)},
        face_vectors=models.get("arcface").embed(noise),
        video_frames=shown(7).frames,
    )  # fmt: skip


def _interpolator(folder: Path) -> str:
    """A program that averages, and the digest that vouches for it."""
    file = folder / interpolator.FILE
    torch.jit.script(Average()).save(str(file))
    Path(f"{file}.sha256").write_text(digest_file(str(file)))
    return str(file)


class Average(torch.nn.Module):
    def forward(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        return (first + second) / 2


def shown(seed: int = 0, truth: GroundTruth = NoReference()) -> Sample:
    rng = np.random.default_rng(seed)
    scene = training_set.draw_training_scene(rng)
    prompt_row = {
        name: getattr(scene, name) for name in ("motion", "shape", "colour", "background")
    }
    prompt = f"a {scene.colour} {scene.shape} on a {scene.background} background"
    return Sample(training_set.draw_clip(rng, scene), 8.0, prompt_row | {"prompt": prompt}, truth)


@pytest.fixture(params=NAMES)
def metric(request: pytest.FixtureRequest, spec: EvaluateSpec):
    return load_plugin("evaluate.metrics", request.param).Metric(spec, ModelRegistry(spec))


def test_a_metric_scores_what_it_says_it_does_and_the_same_each_time(metric, truth) -> None:
    found = metric.score(shown(0, truth))
    assert found.keys() == metric.better.keys()
    assert set(metric.better.values()) <= {"higher", "lower"}
    metric.score(shown(1, truth))
    assert metric.score(shown(0, truth)) == found


def test_what_cannot_be_measured_says_why_and_raises_nothing(metric) -> None:
    short = shown()
    alone = Sample(short.frames[:1], short.fps, short.prompt_row)
    for score in metric.score(alone).values():
        assert score.value is not None or score.reason


@pytest.mark.parametrize("name", ["moving_shapes", "text_similarity"])
def test_a_video_of_something_else_scores_worse(name: str) -> None:
    metric = load_plugin("evaluate.metrics", name).Metric(SPEC, ModelRegistry(SPEC))
    mine = shown()
    other = next(
        video
        for video in (shown(seed) for seed in range(1, 100))
        if all(video.prompt_row[n] != mine.prompt_row[n] for n in mine.prompt_row)
    )
    theirs = Sample(other.frames, other.fps, mine.prompt_row)
    for name, score in metric.score(mine).items():
        assert score.value > metric.score(theirs)[name].value


@pytest.mark.parametrize("name", NAMES)
def test_there_is_a_version_and_a_label(name: str) -> None:
    module = load_plugin("evaluate.metrics", name)
    assert module.VERSION
    assert module.LABEL
