"""Text-S and Vid-S: by hand with vectors that are known, and with a small CLIP in float64."""

from pathlib import Path

import numpy as np
import pytest
import torch
from support.stubs import Embeds, Planted, known
from support.toy_models import clip_state

from data.specs.evaluate import EvaluateSpec
from engines.evaluate.metrics import text_clip_similarity, video_clip_similarity
from engines.evaluate.models import clip
from engines.evaluate.protocol import NoReference, Sample

FRAMES = np.zeros((3, 8, 8, 3), np.uint8)
FRAMES[0, ..., 0] = FRAMES[1, ..., 1] = FRAMES[2, ..., 2] = 10


def colours(picture: np.ndarray) -> np.ndarray:
    return picture.mean(axis=(0, 1))


def both(models, truth, frames=FRAMES):
    sample = Sample(frames, 8.0, {}, truth)
    text = text_clip_similarity.Metric(models.spec, models).score(sample)
    video = video_clip_similarity.Metric(models.spec, models).score(sample)
    return text["text_clip_similarity"], video["video_clip_similarity"]


def test_means_of_cosines_are_those_by_hand() -> None:
    eyes = Embeds(colours)
    truth = known(
        text_vector=np.array([3, 4, 0], np.float32),
        video_vectors=np.array([[1, 0, 0], [0, 0, 7]], np.float32),
    )
    text, video = both(Planted(clip=eyes), truth)
    assert text.value == pytest.approx((0.6 + 0.8 + 0) / 3, abs=1e-6)
    assert video.value == pytest.approx((1 + 0 + 0 + 0 + 0 + 1) / 6, abs=1e-6)
    assert len(eyes.seen) == 3  # both look at the same vectors


@pytest.mark.parametrize(
    ("truth", "says"),
    [
        (NoReference(), ("no text embedding", "no video embeddings")),
        (
            known(text_vector=np.full(3, np.nan), video_vectors=np.full((3, 3), np.inf)),
            ("not finite",) * 2,
        ),
        (
            known(text_vector=np.zeros(4), video_vectors=np.zeros((0, 3))),
            ("4 dimensions", "no vectors"),
        ),
    ],
)
def test_a_truth_that_does_not_compare_gives_no_score(truth, says) -> None:
    for found, part in zip(both(Planted(clip=Embeds(colours)), truth), says, strict=True):
        assert found.value is None and part in found.reason


def test_scores_through_the_real_model_are_the_formula_in_float64(tmp_path: Path) -> None:
    torch.save(clip_state(), tmp_path / clip.FILE)
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (4, 70, 90, 3), dtype=np.uint8)
    goal = rng.standard_normal(48).astype(np.float32)
    real = rng.standard_normal((3, 48)).astype(np.float32)
    for dtype in ("fp16", "fp32"):
        spec = EvaluateSpec(clip_dtype=dtype, weights={"clip": str(tmp_path / clip.FILE)})
        models = Planted(spec)
        text, video = both(models, known(text_vector=goal, video_vectors=real), frames)
        seen = models.get("clip").embed_images(frames).astype(np.float64)
        seen /= np.linalg.norm(seen, axis=1, keepdims=True)
        unit = real.astype(np.float64) / np.linalg.norm(real, axis=1, keepdims=True)
        assert text.value == pytest.approx((seen @ goal / np.linalg.norm(goal)).mean(), abs=1e-6)
        assert video.value == pytest.approx((seen @ unit.T).mean(), abs=1e-6)
