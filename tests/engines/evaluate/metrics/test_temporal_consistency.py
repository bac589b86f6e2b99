"""T-Cons: the published values of real videos, and what it is where it can be said by hand."""

import numpy as np
import pytest
from support.paths import REAL_CLIPS

from data.specs.evaluate import EvaluateSpec
from engines.evaluate.metrics.temporal_consistency import Metric
from engines.evaluate.protocol import Sample
from engines.evaluate.vision.registry import ModelRegistry
from engines.video.decoders import pyav
from engines.video.frames import Sampling

CLIPS = REAL_CLIPS / "personalization"
# By clip and method: of all frames, and of the first 16, as the published evaluator gives them.
ORACLE = {
    ("car", "VideoBooth"): (0.929060, None),
    ("car", "DreamVideo"): (0.980356, 0.978911),
    ("car", "VideoAlchemist"): (0.997644, 0.996884),
    ("car", "ground_truth"): (0.999721, 0.998841),
    ("cat", "VideoBooth"): (0.970849, None),
    ("cat", "DreamVideo"): (0.980936, 0.980723),
    ("cat", "VideoAlchemist"): (0.990779, 0.990814),
    ("cat", "ground_truth"): (0.966826, 0.973169),
    ("dinosaur_toy", "VideoBooth"): (0.908055, None),
    ("dinosaur_toy", "DreamVideo"): (0.970922, 0.962787),
    ("dinosaur_toy", "VideoAlchemist"): (0.993167, 0.994275),
    ("dinosaur_toy", "ground_truth"): (0.990902, 0.990892),
    ("horse", "VideoBooth"): (0.929995, None),
    ("horse", "DreamVideo"): (0.958935, 0.950697),
    ("horse", "VideoAlchemist"): (0.994960, 0.993844),
    ("horse", "ground_truth"): (0.996496, 0.997543),
    ("face_0", "Magic-Me"): (0.990650, None),
    ("face_0", "VideoAlchemist"): (0.996891, 0.995800),
    ("face_0", "ground_truth"): (0.991689, 0.992484),
    ("face_1", "Magic-Me"): (0.991260, None),
    ("face_1", "VideoAlchemist"): (0.995084, 0.995052),
    ("face_1", "ground_truth"): (0.997700, 0.999282),
}


def value(frames: np.ndarray) -> float | None:
    metric = Metric(EvaluateSpec(), ModelRegistry(EvaluateSpec()))
    return metric.score(Sample(frames, 8.0))["temporal_consistency"].value


@pytest.mark.real_clips
@pytest.mark.parametrize(("clip", "method"), ORACLE, ids=["-".join(each) for each in ORACLE])
def test_real_videos_have_the_published_values(clip: str, method: str) -> None:
    parts = pyav.decode_frames(str(CLIPS / clip / f"{method}.mp4"), Sampling(every_nth=1), None)
    frames = np.concatenate([part.pixels for part in parts]).transpose(0, 2, 3, 1)
    whole, first = ORACLE[clip, method]
    assert value(frames) == pytest.approx(whole, abs=2e-4)
    if first is not None:
        assert value(frames[:16]) == pytest.approx(first, abs=2e-4)


def test_it_is_the_formula_in_float64() -> None:
    frames = np.random.default_rng(0).integers(0, 256, (5, 6, 7, 3), dtype=np.uint8)
    wide = frames.astype(np.float64)
    assert value(frames) == pytest.approx(1 - np.abs(wide[1:] - wide[:-1]).mean() / 255, abs=1e-12)


def test_what_stands_still_has_1_and_what_flickers_whole_0() -> None:
    still = np.full((4, 8, 8, 3), 77, np.uint8)
    assert value(still) == 1.0
    still[::2], still[1::2] = 0, 255
    assert value(still) == 0.0


def test_one_frame_cannot_be_measured() -> None:
    found = Metric(EvaluateSpec(), ModelRegistry(EvaluateSpec())).score(
        Sample(np.zeros((1, 4, 4, 3), np.uint8), 1.0)
    )["temporal_consistency"]
    assert found.value is None and "one frame" in found.reason
