"""Subj-S: by hand with planted detectors, and for real with small random models."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from support import toy_detectors, toy_models

from data.specs.evaluate import EvaluateSpec
from engines.evaluate.metrics import subject_dino_similarity as subj
from engines.evaluate.protocol import MissingReference, NoReference, Sample
from engines.evaluate.vision.registry import ModelRegistry

NAME = subj.NAME
HEIGHT, WIDTH, COUNT = 40, 60, 4
RED, BLUE = (200, 30, 10), (10, 20, 220)


class Known(NoReference):
    """Vectors of real cut-outs, by tag; the first `subjects` of them are subjects."""

    def __init__(self, real: Mapping[str, np.ndarray], subjects: int = 1) -> None:
        self.real, self.first = real, tuple(real)[:subjects]

    def subject_vectors(self) -> Mapping[str, np.ndarray]:
        return self.real

    def subject_tags(self) -> tuple[str, ...]:
        return self.first


class Detector:
    """Finds its tags in the same place of every frame, except where it is told otherwise."""

    def __init__(self, boxes: dict[str, tuple], unsure: tuple[tuple[int, str], ...] = ()) -> None:
        self.boxes, self.unsure, self.asked = boxes, unsure, []

    def detect(self, frames, tags):
        self.asked.append(tags)
        scores = [
            [0.4 if (t, tag) in self.unsure else 0.41 for tag in tags] for t in range(len(frames))
        ]
        boxes = [[self.boxes[tag] for tag in tags] for _ in frames]
        return np.array(scores, np.float32), np.array(boxes, np.float32)


class Ellipses:
    """The ellipse within each box; as sure as told, by how many frames have been asked about."""

    def __init__(self, ious: tuple[float, ...] = (0.95,) * COUNT) -> None:
        self.ious = ious

    def predict_masks(self, frames, boxes):
        rows, columns = np.mgrid[:HEIGHT, :WIDTH]
        for frame, asked, iou in zip(frames, boxes, self.ious, strict=False):
            assert frame.shape == (HEIGHT, WIDTH, 3)
            made = []
            for left, top, right, bottom in asked:
                x = (columns + 0.5 - (left + right) / 2) / ((right - left) / 2)
                y = (rows + 0.5 - (top + bottom) / 2) / ((bottom - top) / 2)
                made.append(x**2 + y**2 <= 1)
            yield np.array(made), np.full(len(asked), iou, np.float32)


class Colours:
    """How many pixels are red, blue and white: a histogram."""

    dim = 3

    def embed(self, pictures):
        counts = [[(seen == colour).all(axis=2).sum() for colour in (RED, BLUE, (255,) * 3)]
                  for seen in pictures]  # fmt: skip
        return np.array(counts, np.float32).reshape(-1, 3)


class Planted:
    def __init__(self, **models) -> None:
        self.models = {"grounding": Detector(BOXES), "sam": Ellipses(), "dino": Colours()} | models

    def get(self, name: str):
        return self.models[name]


# The horse is red and on the left, the cap blue and on the right: 20 × 20 pixels each.
BOXES = {"horse": (0.25, 0.5, 20 / 60, 0.5), "cap": (0.75, 0.5, 20 / 60, 0.5)}
INSIDE = int((((np.mgrid[:20, :20] - 9.5) / 10) ** 2).sum(axis=0).__le__(1).sum())


def video(real: Mapping[str, np.ndarray] | None = None, **known) -> Sample:
    frames = np.full((COUNT, HEIGHT, WIDTH, 3), RED, np.uint8)
    frames[:, :, WIDTH // 2 :] = BLUE
    return Sample(frames, 8.0, ground_truth=NoReference() if real is None else Known(real, **known))


def cosine(one, other) -> float:
    return float(np.dot(one, other) / np.linalg.norm(one) / np.linalg.norm(other))


def vectors(*rows) -> np.ndarray:
    return np.array(rows, np.float32)


REAL = {"horse": vectors((1, 0, 0), (0, 0, 1)), "cap": vectors((1, 1, 0))}
HORSE, CAP = (INSIDE, 0, 400 - INSIDE), (0, INSIDE, 400 - INSIDE)
LIKE_HORSE = (cosine(HORSE, (1, 0, 0)) + cosine(HORSE, (0, 0, 1))) / 2
LIKE_CAP = cosine(CAP, (1, 1, 0))


def scored(real=REAL, spec: EvaluateSpec | None = None, known=None, **models):
    metric = subj.Metric(spec or EvaluateSpec(), Planted(**models))
    return metric.score(video(real, **(known or {})))[NAME]


def test_a_planted_detector_gives_the_similarity_computed_by_hand() -> None:
    found = scored()
    assert found.value == pytest.approx((LIKE_HORSE + LIKE_CAP) / 2, abs=1e-6)
    assert found.parts["horse"].value == pytest.approx(LIKE_HORSE, abs=1e-6)
    assert found.parts["cap"].value == pytest.approx(LIKE_CAP, abs=1e-6)
    assert found.reason is None and all(part.reason is None for part in found.parts.values())


def test_a_frame_that_misses_a_tag_counts_nothing_and_is_told() -> None:
    detector = Detector(BOXES, unsure=((0, "horse"), (2, "horse"), (1, "cap")))
    found = scored(grounding=detector)
    assert found.value == pytest.approx((LIKE_HORSE / 2 + LIKE_CAP * 3 / 4) / 2, abs=1e-6)
    assert found.parts["horse"].reason == f"{subj.UNDETECTED} in 2 of 4 frames"
    assert (
        found.reason
        == f"horse: {subj.UNDETECTED} in 2 of 4 frames. cap: {subj.UNDETECTED} in 1 of 4 frames"
    )


def test_masks_that_sam_is_not_sure_of_and_boxes_beyond_the_frame_count_nothing() -> None:
    beyond = BOXES | {"cap": (0.9, 0.5, 20 / 60, 0.5)}
    found = scored(
        grounding=Detector(beyond, unsure=((0, "horse"),)), sam=Ellipses((0.95, 0.9, 0.95, 0.95))
    )
    assert found.parts["horse"].value == pytest.approx(LIKE_HORSE / 2, abs=1e-6)
    assert found.parts["horse"].reason == f"{subj.UNDETECTED} in 1 of 4 frames; {subj.LOW_IOU} in 1"
    assert found.parts["cap"].value == 0
    assert found.parts["cap"].reason == f"{subj.LOW_IOU} in 1 of 4 frames; {subj.OUTSIDE} in 3"


def test_a_thing_in_no_frame_scores_0_and_says_so() -> None:
    found = scored({"horse": REAL["horse"]}, grounding=Detector(
        BOXES, unsure=tuple((t, "horse") for t in range(COUNT))))  # fmt: skip
    assert found.value == 0 and f"{subj.UNDETECTED} in 4 of 4" in found.reason


def test_boxes_end_at_the_frame_where_the_spec_says_so() -> None:
    beyond = Detector({"cap": (0.9, 0.5, 20 / 60, 0.5)})
    real = {"cap": vectors((0, 1, 0))}
    assert scored(real, grounding=beyond).value == 0
    found = scored(real, EvaluateSpec(clip_box=True), grounding=beyond)
    cut = np.mgrid[:20, :16] + 0.5
    inside = int(((cut[0] - 10) ** 2 / 100 + (cut[1] - 8) ** 2 / 64 <= 1).sum())
    assert found.value == pytest.approx(cosine((0, inside, 320 - inside), (0, 1, 0)), abs=1e-6)


def test_objects_count_unless_the_spec_leaves_them_out() -> None:
    detector = Detector(BOXES)
    found = scored(spec=EvaluateSpec(subject_scope="subjects"), grounding=detector)
    assert found.value == pytest.approx(LIKE_HORSE, abs=1e-6)
    assert found.parts.keys() == {"horse"} and detector.asked == [("horse",)]
    scored(grounding=detector)
    assert detector.asked[1] == ("horse", "cap")


def test_a_vector_of_zeros_is_like_nothing() -> None:
    assert scored({"horse": vectors((0, 0, 0))}).value == 0


@pytest.mark.parametrize(
    ("real", "said"),
    [
        (None, "embeddings"),
        ({}, "no subjects"),
        ({"horse": np.zeros((0, 3), np.float32)}, "no vectors"),
        ({"horse": vectors((np.nan, 0, 1))}, "not finite"),
        ({"horse": np.ones((1, 768), np.float32)}, "768 dimensions"),
    ],
)
def test_what_nothing_is_known_of_is_not_measured(real, said) -> None:
    found = scored(real)
    assert found.value is None and said in found.reason


def test_who_is_a_subject_must_be_known_where_objects_are_left_out() -> None:
    class Unsaid(Known):
        def subject_tags(self):
            raise MissingReference("no word_tags.json")

    metric = subj.Metric(EvaluateSpec(subject_scope="subjects"), Planted())
    sample = Sample(video({}).frames, 8.0, ground_truth=Unsaid(REAL))
    assert metric.score(sample)[NAME].reason == "no word_tags.json"


@pytest.fixture(scope="module")
def real_models(tmp_path_factory: pytest.TempPathFactory) -> ModelRegistry:
    folder: Path = tmp_path_factory.mktemp("weights")
    weights = toy_models.write_small(folder) | toy_detectors.write_small(folder)
    return ModelRegistry(EvaluateSpec(weights=weights))


def test_small_random_models_go_the_whole_way(real_models) -> None:
    """Some things are found and some not; the same video has the same figures to the last bit."""
    from PIL import Image

    rng = np.random.default_rng(3)
    rough = rng.integers(0, 256, (8, 5, 8, 3), dtype=np.uint8)
    frames = np.stack([np.asarray(Image.fromarray(one).resize((96, 64))) for one in rough])
    dim = real_models.get("dino").dim
    truth = Known({tag: rng.normal(size=(3, dim)).astype(np.float32) for tag in ("horse", "cap")})
    metric = subj.Metric(real_models.spec, real_models)
    found = metric.score(Sample(frames, 8.0, ground_truth=truth))[NAME]
    assert found.value != 0 and -1 < found.value < 1
    assert found.value == pytest.approx(np.mean([part.value for part in found.parts.values()]))
    assert subj.UNDETECTED in found.reason
    metric.score(Sample(frames[::-1].copy(), 8.0, ground_truth=truth))
    assert metric.score(Sample(frames, 8.0, ground_truth=truth))[NAME] == found
