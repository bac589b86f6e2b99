"""MotionRAG's metrics (motionrag.md, 6.1), by hand-made models and real classical flow."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from support import stubs

from data.specs.evaluate import EvaluateSpec
from engines.evaluate.metrics import (
    action_score,
    clip_t2v,
    clip_v2v,
    dino_similarity,
    flow_agreement,
    motion_distance,
)
from engines.evaluate.protocol import Sample

SPEC = EvaluateSpec()


def sample(frames: np.ndarray, real: np.ndarray | None = None) -> Sample:
    truth = stubs.known(**({} if real is None else {"video_frames": real}))
    return Sample(frames, 8.0, {"prompt": "a ball"}, truth)


def moving(step: tuple[int, int], count: int = 5) -> np.ndarray:
    """A smooth texture that moves by so many pixels a frame, to the right and down."""
    noise = np.random.default_rng(0).standard_normal((40, 40))
    big = np.kron(noise, np.ones((8, 8)))
    import cv2

    texture = cv2.GaussianBlur(big, (0, 0), 6)
    texture = ((texture - texture.min()) / np.ptp(texture) * 255).astype(np.uint8)
    views = [texture[80 - t * step[1] :, 80 - t * step[0] :][:128, :128] for t in range(count)]
    return np.stack([np.stack([view] * 3, axis=-1) for view in views])


class Says:
    """A classifier, an encoder or a CLIP of the mean colour."""

    def classify(self, frames: np.ndarray) -> np.ndarray:
        return frames.mean((0, 1, 2)).astype(np.float32)

    def embed(self, frames: np.ndarray) -> np.ndarray:
        return frames.mean((1, 2)).astype(np.float32)

    def embed_images(self, frames: np.ndarray) -> np.ndarray:
        found = self.embed(frames)
        return found / np.linalg.norm(found, axis=1, keepdims=True)

    def embed_text(self, text: str) -> np.ndarray:
        return np.array([1.0, 0.0, 0.0], np.float32)


def coloured(*colours: tuple[int, int, int]) -> np.ndarray:
    return np.stack([np.full((6, 6, 3), each, np.uint8) for each in colours])


def test_what_looks_at_pictures_is_100_times_a_cosine_at_the_same_time() -> None:
    red, green, both = (200, 0, 0), (0, 200, 0), (200, 200, 0)
    mine, real = coloured(red, both), coloured(red, green)
    models = stubs.Planted(SPEC, videomae_ssv2=Says(), clip_bigg=Says(), dinov2=Says())
    half = np.sqrt(0.5)

    def score(module, video: Sample) -> dict:
        return {k: s.value for k, s in module.Metric(SPEC, models).score(video).items()}

    video = sample(mine, real)
    assert score(clip_v2v, video)["clip_v2v"] == pytest.approx(100 * (1 + half) / 2)
    assert score(clip_t2v, video)["clip_t2v"] == pytest.approx(100 * (1 + half) / 2)
    found = score(dino_similarity, video)
    assert found["dino_similarity"] == pytest.approx(100 * (1 + half) / 2)
    assert found["dino_first"] == pytest.approx(100 * half)
    a, b = np.array([200.0, 100, 0]), np.array([100.0, 100, 0])
    expected = 100 * a @ b / np.linalg.norm(a) / np.linalg.norm(b)
    assert score(action_score, video)["action_score"] == pytest.approx(expected)
    for module in (action_score, clip_v2v, motion_distance, flow_agreement):
        [missing] = module.Metric(SPEC, models).score(sample(mine)).values()
        assert missing.value is None and "reference" in missing.reason


def test_motion_distance_is_the_divergence_of_histograms_of_speed() -> None:
    speeds = np.random.default_rng(2).uniform(0.5, 4, (2, 5000))
    edges = np.linspace(-7, 5, 257)
    p, q = (
        np.array([((np.log2(s) >= low) & (np.log2(s) < high)).sum() + 0.1
                  for low, high in itertools.pairwise(edges)])
        for s in speeds
    )  # fmt: skip
    p, q = p / p.sum(), q / q.sum()
    found = motion_distance.compare_speeds(speeds[0], speeds[1])
    assert found == pytest.approx((p * np.log(p / q)).sum(), rel=1e-9)
    still = np.zeros(10)
    assert motion_distance.compare_speeds(still, still) == 0
    flows = stubs.Flows(lambda a, b: np.stack([b[..., 0].astype(float) / 64] * 2, axis=-1))
    metric = motion_distance.Metric(SPEC, stubs.Planted(SPEC, raft_large=flows))
    fast, slow = coloured(*[(64, 0, 0)] * 3), coloured(*[(16, 0, 0)] * 3)
    same = metric.score(sample(fast, fast))["motion_distance"].value
    assert same == 0 and metric.score(sample(slow, fast))["motion_distance"].value > 1
    assert flows.shapes[0] == (2, 256, 256, 3)


def test_flow_agrees_with_the_same_motion_only() -> None:
    right, down, left = moving((3, 0)), moving((0, 3)), moving((-3, 0))
    metric = flow_agreement.Metric(SPEC, stubs.Planted(SPEC))

    def agree(mine: np.ndarray, real: np.ndarray) -> float | None:
        return metric.score(sample(mine, real))["flow_agreement"].value

    assert agree(right, right) == pytest.approx(1)
    assert agree(left, right) < -0.8 and abs(agree(down, right)) < 0.3
    frozen = np.repeat(right[:1], 5, axis=0)
    assert agree(frozen, right) == pytest.approx(0, abs=0.05)
    assert agree(right, frozen) is None
    one = replace(sample(right, right), frames=right[:1])
    assert metric.score(one)["flow_agreement"].reason
