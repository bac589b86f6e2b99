"""Training shows nothing that is held out, and goes on where it was stopped."""

from pathlib import Path

import numpy as np
import pytest
import torch

from engines.tiny import examples, train
from engines.tiny.examples import VISIBLE, Writer, agreement, batch
from engines.tiny.scene import HELD_OUT, Scene, scene_at
from engines.tiny.wording import Phrase


@pytest.fixture(scope="module")
def writer() -> Writer:
    """One tokenizer for all tests."""
    return Writer()


def test_no_batch_shows_a_held_out_combination(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is rendered for training is caught on its way, and every bit of it may be seen."""
    shown: list[Scene] = []

    def record(rng: np.random.Generator, scenes: list[Scene]) -> torch.Tensor:
        shown.extend(scenes)
        return torch.zeros(len(scenes), 3, examples.IMAGE, examples.IMAGE)

    monkeypatch.setattr(examples, "pictures", record)
    batch(np.random.default_rng(0), 2000, writer)
    assert len(shown) == 2000
    assert HELD_OUT.isdisjoint(scene.combination for scene in shown)


def test_a_batch_is_pictures_words_and_how_they_agree(writer: Writer) -> None:
    """Every caption is true of its own picture, and of few others."""
    made = batch(np.random.default_rng(0), 64, writer)
    assert made.images.shape == (64, 3, 64, 64)
    assert 0 <= made.images.min() and made.images.max() <= 1
    assert made.tokens.shape == (64, 32)
    assert torch.equal(made.agreement.diagonal(), torch.ones(64))
    assert made.agreement.mean() < 0.2


def test_agreement_is_about_what_was_said() -> None:
    """Silence agrees with anything; a wrong size counts a little; any other fault not at all."""
    scenes = [scene_at(0, index) for index in range(60)]
    assert agreement([Phrase("", frozenset())] * 60, scenes).min() == 1
    right = agreement([Phrase("", frozenset(VISIBLE))] * 60, scenes)
    for other, scene in enumerate(scenes):
        same = scene.combination == scenes[0].combination
        sized = scene.size == scenes[0].size
        expected = (1 if sized else examples.SIZE_MISMATCH) if same else 0
        assert right[0, other] == pytest.approx(expected)


def test_words_never_taught_mean_nothing(writer: Writer) -> None:
    """Their embedding is zero, and no gradient moves it."""
    model = train.fresh(writer)
    strange = writer.tokenizer.encode("footage zebra")
    weights = model.token_embedding.weight
    weights.sum().backward()
    assert weights[strange].abs().max() == 0
    assert weights.grad is not None and weights.grad[strange].abs().max() == 0
    assert weights.grad[writer.tokenizer.encode("red")].abs().min() == 1


def test_a_stopped_training_ends_where_an_undisturbed_one_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two steps in one go or in two runs: the same weights."""
    monkeypatch.setattr(train, "held_out_precision", lambda model, device: 0.0)
    whole = train.train(train.Plan(steps=2, size=8), tmp_path / "whole.pt").state_dict()
    train.train(train.Plan(steps=1, size=8), tmp_path / "halves.pt")
    halves = train.train(train.Plan(steps=2, size=8), tmp_path / "halves.pt").state_dict()
    assert all(torch.equal(value, halves[name]) for name, value in whole.items())
