"""Face-S: by hand with a planted detector, and through the real models with random weights."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from support import toy_models
from support.stubs import Detects, Embeds, Planted, known

from data.specs.evaluate import EvaluateSpec
from engines.evaluate.metrics.arcface_similarity import Metric, extend_box
from engines.evaluate.models.face_detector import Box
from engines.evaluate.protocol import NoReference, Sample

HEIGHT, WIDTH = 100, 80
FACES = np.array([[1, 0], [0, 2]], np.float32)


def frames(*shades: tuple[int, int, int]) -> np.ndarray:
    return np.stack([np.full((HEIGHT, WIDTH, 3), shade, np.uint8) for shade in shades])


def red_and_green(picture: np.ndarray) -> np.ndarray:
    return picture.mean(axis=(0, 1))[:2]


def score(seen: np.ndarray, boxes, truth, eyes=None):
    models = Planted(face_detector=Detects(boxes), arcface=eyes or Embeds(red_and_green))
    return Metric(models.spec, models).score(Sample(seen, 8.0, {}, truth))["arcface_similarity"]


def test_a_planted_detector_gives_the_mean_by_hand() -> None:
    box = Box(10, 20, 30, 60)
    seen = frames((30, 40, 0), (50, 0, 0), (9, 9, 9), (0, 70, 0))
    found = score(seen, [box, box, None, box], known(face_vectors=FACES))
    # Cosines with the two faces: 0.6 + 0.8, then 1 + 0, then 0 for no face, then 0 + 1.
    assert found.value == pytest.approx((1.4 + 1 + 0 + 1) / (4 * 2), abs=1e-7)
    assert found.reason == "no face in 1 of 4 frames"


def test_all_frames_with_a_face_need_no_reason() -> None:
    seen = frames((30, 40, 0), (50, 0, 0))
    assert score(seen, [Box(0, 0, 9, 9)] * 2, known(face_vectors=FACES)).reason is None


@pytest.mark.parametrize("box", [None, Box(40, 20, 40, 60), Box(10, 99, 30, 99)])
def test_no_face_at_all_is_0_and_says_so(box) -> None:
    found = score(frames((1, 2, 3), (1, 2, 3)), [box] * 2, known(face_vectors=FACES))
    assert (found.value, found.reason) == (0.0, "no face in 2 of 2 frames")


@pytest.mark.parametrize(
    ("truth", "says"),
    [
        (NoReference(), "no face embeddings"),
        (known(face_vectors=np.zeros((0, 2), np.float32)), "no vectors"),
        (known(face_vectors=np.full((1, 2), np.nan, np.float32)), "not finite"),
    ],
)
def test_a_truth_without_faces_gives_no_score(truth, says) -> None:
    found = score(frames((1, 2, 3)), [Box(0, 0, 9, 9)], truth)
    assert found.value is None and says in found.reason


@pytest.mark.parametrize(
    ("box", "wanted"),
    [
        (Box(10, 20, 30, 60), Box(10, 13, 30, 61)),  # 20 - 6.8; 60 + 0.03 * 47
        (Box(10, 5, 30, 60), Box(10, 0, 30, 61)),  # cut at the top, which the second step sees
        (Box(0, 2, 80, 99), Box(0, 0, 80, 99)),  # one row is left below
        (Box(0, 50, 80, 100), Box(0, 41, 80, 99)),
    ],
)
def test_boxes_grow_upwards_and_a_little_downwards(box, wanted) -> None:
    assert extend_box(box, HEIGHT) == wanted


def test_crops_are_those_of_the_extended_box() -> None:
    rng = np.random.default_rng(0)
    seen = rng.integers(0, 256, (1, HEIGHT, WIDTH, 3), dtype=np.uint8)
    eyes = Embeds(red_and_green)
    score(seen, [Box(10, 20, 30, 60)], known(face_vectors=FACES), eyes)
    assert np.array_equal(eyes.seen[0], seen[0, 13:61, 10:30])


def transcribed(models: Planted, seen: np.ndarray, known_faces: np.ndarray) -> float:
    """The text, frame by frame, in float64 after the networks."""
    total = 0.0
    for frame, box in zip(seen, models.get("face_detector").detect(seen), strict=True):
        if box is None:
            continue
        x0, y0, x1, y1 = box
        top = max(int(y0 - 0.17 * (y1 - y0)), 0)
        bottom = min(int(y1 + 0.03 * (y1 - top)), frame.shape[0] - 1)
        crop = cv2.resize(frame[top:bottom, x0:x1].copy(), (112, 112))
        (vector,) = models.get("arcface").embed([crop]).astype(np.float64)
        for face in known_faces.astype(np.float64):
            total += vector @ face / np.linalg.norm(vector) / np.linalg.norm(face)
    return total / (len(seen) * len(known_faces))


def test_the_real_models_give_what_the_text_says(tmp_path: Path) -> None:
    weights = toy_models.write_small(tmp_path)
    models = Planted(EvaluateSpec(weights=weights))
    rng = np.random.default_rng(0)
    seen = rng.integers(0, 256, (3, 90, 160, 3), dtype=np.uint8)
    faces = rng.standard_normal((3, 32)).astype(np.float32)
    sample = Sample(seen, 8.0, {}, known(face_vectors=faces))
    found = Metric(models.spec, models).score(sample)["arcface_similarity"]
    assert found.value == pytest.approx(transcribed(models, seen, faces), abs=1e-5)
