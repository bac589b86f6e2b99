"""What a step is shown: windows, some of the neighbours, and at times no text or no clip."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from data.errors import UserError
from data.specs.train import LessonSpec, TrainSpec
from engines.train.dataset import Examples, TrainingSet
from engines.train.frame_store import open_frame_store

COUNTS = [6, 10, 3, 0, 8]  # frames of each video; the fourth could not be read
SPEC = TrainSpec(lesson=LessonSpec(k=3, most=10), frames=4, token_every=3, batch=64)


def footage(folder: Path) -> TrainingSet:
    """Frame f of video v is 100 v + f everywhere in its latents; its token points along v."""
    latents = open_frame_store(folder, "latents", 5, 10, (1, 2, 2))
    tokens = open_frame_store(folder, "tokens", 5, 10, (8,))
    for row, count in enumerate(COUNTS):
        if not count:
            latents.leave_out(row, "missing")
            tokens.leave_out(row, "missing")
            continue
        latents.put(row, np.repeat(100 * row + np.arange(count), 4).reshape(count, 4))
        tokens.put(row, (1 + np.arange(count))[:, None] * np.eye(8)[row] + np.eye(8)[7])
    latents.commit_frames()
    tokens.commit_frames()
    captions = pa.chunked_array([["zero", "one", "two", "three", None]])
    neighbours = np.array([[1, 3, 4], [0, 2, -1], [0, 1, 4], [0, 1, 2], [3, -1, -1]], np.int32)
    return TrainingSet(latents, tokens, captions, neighbours)


def examples(folder: Path, **options) -> Examples:
    return Examples(footage(folder), SPEC.model_copy(update=options))


def targets(batch) -> np.ndarray:
    return (batch.latents[:, 0, 0, 0, 0] // 100).astype(int)


def test_shapes_are_those_of_a_unet_and_an_encoder(tmp_path: Path) -> None:
    batch = examples(tmp_path).draw(np.random.default_rng(0))
    assert batch.latents.shape == (64, 1, 4, 2, 2) and batch.latents.dtype == np.float32
    assert batch.tokens.shape == (64, 3, 2, 8) and batch.tokens.dtype == np.float32
    assert batch.present.shape == (64, 3) and len(batch.captions) == 64


def test_a_batch_hangs_on_its_random_numbers_alone(tmp_path: Path) -> None:
    one, other = examples(tmp_path), examples(tmp_path)
    other.draw(np.random.default_rng(9))
    first, again = (each.draw(np.random.default_rng([3, 5, 17])) for each in (one, other))
    assert first.captions == again.captions
    for name in ("latents", "tokens", "present"):
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
    assert not np.array_equal(first.latents, one.draw(np.random.default_rng([3, 5, 18])).latents)


def test_targets_are_long_enough_and_their_frames_follow_each_other(tmp_path: Path) -> None:
    batch = examples(tmp_path).draw(np.random.default_rng(0))
    assert set(targets(batch)) == {0, 1, 4}
    frames = batch.latents[:, 0, :, 0, 0]
    np.testing.assert_array_equal(np.diff(frames, axis=1), 1)
    starts = {
        (row, int(first) % 100) for row, first in zip(targets(batch), frames[:, 0], strict=True)
    }
    assert {start for row, start in starts if row == 0} == {0, 1, 2}


def test_captions_are_the_targets_own(tmp_path: Path) -> None:
    batch = examples(tmp_path, text_dropout=0.0).draw(np.random.default_rng(0))
    texts = {0: "zero", 1: "one", 4: ""}
    assert batch.captions == [texts[row] for row in targets(batch)]


def test_tokens_are_unit_vectors_of_neighbours_that_can_be_read(tmp_path: Path) -> None:
    batch = examples(tmp_path, retrieval_dropout=0.0, batch=300).draw(np.random.default_rng(0))
    np.testing.assert_allclose(np.linalg.norm(batch.tokens[batch.present], axis=-1), 1, rtol=1e-3)
    assert not batch.tokens[~batch.present].any()
    shown = {row: set() for row in (0, 1, 4)}
    for row, tokens, present in zip(targets(batch), batch.tokens, batch.present, strict=True):
        shown[row] |= set(tokens[present][:, 0, :7].argmax(axis=-1).tolist())
    assert shown == {0: {1, 4}, 1: {0, 2}, 4: set()}


def test_a_token_is_every_third_frame_and_a_short_neighbours_last_one_stays(tmp_path: Path) -> None:
    """The tangent of a token's angle is the number of its frame, from 1 on."""
    batch = examples(tmp_path, retrieval_dropout=0.0, batch=300).draw(np.random.default_rng(0))
    numbers = batch.tokens[..., :7].max(axis=-1) / np.where(batch.present[..., None], 1, np.nan)
    numbers = numbers / batch.tokens[..., 7].clip(1e-6)
    for tokens, found in zip(batch.tokens, numbers, strict=True):
        for clip, (first, second) in zip(tokens, found, strict=True):
            if np.isnan(first):
                continue
            short = clip[0, :7].argmax() == 2  # three frames: 1, 2, 3, 3
            assert (round(first), round(second)) == (1, 3) if short else second - first > 2.9


def test_any_number_of_neighbours_is_shown(tmp_path: Path) -> None:
    batch = examples(tmp_path, retrieval_dropout=0.0, batch=600).draw(np.random.default_rng(0))
    counts = batch.present.sum(axis=1)
    both = counts[targets(batch) == 0]
    assert set(both) == {1, 2} and 0.4 < (both == 1).mean() < 0.6
    assert set(counts[targets(batch) == 4]) == {0}


def test_texts_and_clips_are_left_out_apart_and_as_often_as_asked(tmp_path: Path) -> None:
    batch = examples(tmp_path, batch=3000).draw(np.random.default_rng(0))
    able = targets(batch) != 4
    no_text = np.array([texts == "" for texts in batch.captions])[able]
    no_clip = ~batch.present.any(axis=1)[able]
    assert abs(no_text.mean() - 0.2) < 0.03 and abs(no_clip.mean() - 0.2) < 0.03
    assert abs((no_text & no_clip).mean() - 0.04) < 0.02


def test_a_corpus_of_short_videos_is_refused_with_what_to_do(tmp_path: Path) -> None:
    spec = SPEC.model_copy(update={"frames": 11})
    with pytest.raises(UserError, match="--frames"):
        Examples(footage(tmp_path), spec)


def test_withdrawn_videos_are_neither_learned_nor_learned_from(tmp_path: Path) -> None:
    whole = footage(tmp_path)
    usual = Examples(whole, SPEC)
    gone = np.arange(5) == usual.targets[0]
    some = Examples(replace(whole, withdrawn=gone), SPEC)
    assert set(usual.targets) - set(some.targets) == {usual.targets[0]}
    for seed in range(5):
        batch = some.draw(np.random.default_rng(seed))
        assert usual.targets[0] not in targets(batch)
        # A video's vectors point along its own axis, which is that of no other.
        assert not batch.tokens[..., int(usual.targets[0])].any()
