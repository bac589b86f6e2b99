"""Grounding DINO: what it is shown, and what it finds."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from support import toy_detectors, toy_grounding

from data.errors import UserError
from data.specs.evaluate import EvaluateSpec
from engines.evaluate.models import grounding
from engines.evaluate.vision import grounding_scores

TAGS = ("horse", "blue cap", "cap")


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> EvaluateSpec:
    return EvaluateSpec(weights=toy_detectors.write_small(tmp_path_factory.mktemp("weights")))


@pytest.fixture(scope="module")
def detector(spec: EvaluateSpec) -> grounding.Detector:
    return grounding.load(spec, spec.weights["grounding"])


def footage(count: int, height: int = 48, width: int = 64, seed: int = 3) -> np.ndarray:
    rng = np.random.default_rng(seed)
    rough = rng.integers(0, 256, (count, 5, 8, 3), dtype=np.uint8)
    big = [Image.fromarray(one).resize((width, height), Image.Resampling.BICUBIC) for one in rough]
    return np.stack([np.asarray(one) for one in big])


@pytest.mark.parametrize(
    ("size", "fitted"),
    [((288, 512), (750, 1333)), ((256, 256), (800, 800)), ((240, 426), (751, 1333)),
     ((240, 427), (749, 1332)), ((480, 832), (769, 1332)), ((512, 288), (1333, 750)),
     ((240, 320), (800, 1066))],
)  # fmt: skip
def test_frames_are_fitted_by_the_rounded_shorter_side(size, fitted) -> None:
    assert grounding.fit_size(*size) == fitted


def test_a_frame_is_shown_resized_and_normalised() -> None:
    frame = footage(1, 24, 40)[0]
    height, width = grounding.fit_size(24, 40)
    big = np.asarray(Image.fromarray(frame).resize((width, height), Image.Resampling.BILINEAR))
    written = np.zeros((3, height, width))
    for channel, (mean, std) in enumerate([(0.485, 0.229), (0.456, 0.224), (0.406, 0.225)]):
        written[channel] = (big[..., channel].astype(np.float64) / 255 - mean) / std
    np.testing.assert_allclose(grounding.preprocess_frames([frame])[0].numpy(), written, atol=1e-6)


def test_each_tag_has_the_best_of_the_networks_own_queries(detector) -> None:
    frame = footage(1)
    scores, boxes = detector.detect(frame, TAGS)
    text = detector.vocabulary.encode("horse . blue cap . cap.")
    pixels = grounding.preprocess_frames(frame).to(detector.net.device)
    with torch.no_grad():
        said = detector.net(pixel_values=pixels, input_ids=torch.tensor([text]).to(pixels.device))
    sure = said.logits[0].sigmoid().cpu().double()
    assert sure.shape == (toy_grounding.SMALL.queries, 256) and (sure[:, len(text) :] == 0).all()
    pieces = {"horse": [1], "blue cap": [3, 4], "cap": [4, 6]}  # after [CLS], without the dots
    fits = [(sure[:, at].amax(1) + sure[:, at].mean(1)) / 2 for at in pieces.values()]
    for tag, fit in enumerate(fits):
        mine = [
            q for q in range(len(sure)) if max(range(3), key=lambda t: float(fits[t][q])) == tag
        ]
        if not mine:
            assert scores[0, tag] == -1
            continue
        best = max(mine, key=lambda q: float(fit[q]))
        assert scores[0, tag] == pytest.approx(float(fit[best]), abs=1e-5)
        np.testing.assert_allclose(boxes[0, tag], said.pred_boxes[0, best].cpu(), atol=1e-5)


def test_some_things_are_found_and_some_are_not(detector) -> None:
    scores, boxes = detector.detect(footage(8), ("horse",))
    assert scores.shape == (8, 1) and boxes.shape == (8, 1, 4)
    assert (scores > 0.4).any() and not (scores > 0.4).all()


def test_frames_in_chunks_are_frames_alone_but_for_noise(detector) -> None:
    frames = footage(grounding.CHUNK + 1)
    scores, boxes = detector.detect(frames, ("horse",))
    for frame, score, box in zip(frames, scores, boxes, strict=True):
        alone, there = detector.detect(frame[None], ("horse",))
        np.testing.assert_allclose(alone[0], score, atol=1e-5)
        np.testing.assert_allclose(there[0], box, atol=1e-5)


def test_the_same_video_gives_the_same_boxes_to_the_last_bit(detector) -> None:
    once = detector.detect(footage(5), TAGS)
    detector.detect(footage(2, 40, 40, seed=9), ("cat",))
    for ours, again in zip(once, detector.detect(footage(5), TAGS), strict=True):
        assert np.array_equal(ours, again)


def test_more_words_than_the_network_reads_are_cut(detector) -> None:
    tags = tuple(["horse"] + ["blue cap"] * 100)
    assert len(detector.vocabulary.encode(grounding_scores.build_caption(tags))) > 256
    scores, _ = detector.detect(footage(1), tags)
    assert scores.shape == (1, 101) and np.isfinite(scores).all()


def test_a_detector_without_its_words_says_which_file(spec) -> None:
    bare = EvaluateSpec(weights={"grounding": spec.weights["grounding"]})
    with pytest.raises(UserError, match=r"bert_vocabulary.*curl"):
        grounding.load(bare, spec.weights["grounding"])


def test_a_vocabulary_of_more_words_than_the_network_has_is_refused(spec, tmp_path: Path) -> None:
    pieces = toy_detectors.vocabulary() + [f"[more{n}]" for n in range(1000)]
    (tmp_path / "vocab.txt").write_text("\n".join(pieces))
    more = EvaluateSpec(weights=spec.weights | {"bert_vocabulary": str(tmp_path / "vocab.txt")})
    with pytest.raises(UserError, match="1060"):
        grounding.load(more, spec.weights["grounding"])


def test_a_weight_that_is_left_over_is_named(spec, tmp_path: Path) -> None:
    weights = toy_grounding.state() | {"transformer.decoder.extra": torch.zeros(1)}
    torch.save({"model": weights}, tmp_path / "grounding.pth")
    with pytest.raises(UserError, match=r"model\.decoder\.extra"):
        grounding.load(spec, str(tmp_path / "grounding.pth"))
