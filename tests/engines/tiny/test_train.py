"""Training shows nothing that is held out, and goes on where it was stopped."""

from pathlib import Path

import numpy as np
import pytest
import torch

from engines.tiny import examples, train
from engines.tiny.examples import VISIBLE, CaptionEncoder, draw_batch, score_agreement
from engines.tiny.scene import HELD_OUT, Scene, scene_at
from engines.tiny.train import Phase, Plan
from engines.tiny.wording import Phrase


@pytest.fixture(scope="module")
def writer() -> CaptionEncoder:
    """One tokenizer for all tests."""
    return CaptionEncoder()


@pytest.mark.slow
def test_no_batch_shows_a_held_out_combination(
    writer: CaptionEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is rendered for training is caught on its way, and every bit of it may be seen."""
    shown: list[Scene] = []

    def record(rng: np.random.Generator, scenes: list[Scene], each: int) -> torch.Tensor:
        shown.extend(scenes)
        return torch.zeros(len(scenes) * each, 3, examples.IMAGE, examples.IMAGE)

    monkeypatch.setattr(examples, "render_images", record)
    draw_batch(np.random.default_rng(0), writer, size=2000)
    assert len(shown) == 2000
    assert HELD_OUT.isdisjoint(scene.combination for scene in shown)


def test_a_batch_is_pictures_words_and_how_they_agree(writer: CaptionEncoder) -> None:
    """Every caption is true of its own picture, and of few others."""
    made = draw_batch(np.random.default_rng(0), writer, size=64, family=3, each=2)
    assert made.images.shape == (128, 3, 64, 64)
    assert 0 <= made.images.min() and made.images.max() <= 1
    assert made.tokens.shape == (64, 32)
    own = torch.arange(64).repeat_interleave(2)
    assert torch.equal(made.agreement[own, torch.arange(128)], torch.ones(128))
    assert made.agreement.mean() < 0.2
    assert torch.equal(made.siblings.sum(1), torch.ones(128, dtype=torch.int64))
    assert made.cousins.any() and not (made.siblings & made.cousins).any()


def test_agreement_is_about_what_was_said() -> None:
    """Silence agrees with anything; a wrong size counts a little; any other fault not at all."""
    scenes = [scene_at(0, index) for index in range(60)]
    assert score_agreement([Phrase("", frozenset())] * 60, scenes).min() == 1
    right = score_agreement([Phrase("", frozenset(VISIBLE))] * 60, scenes)
    for other, scene in enumerate(scenes):
        same = scene.combination == scenes[0].combination
        sized = scene.size == scenes[0].size
        expected = (1 if sized else examples.SIZE_MISMATCH) if same else 0
        assert right[0, other] == pytest.approx(expected)


def test_words_never_taught_mean_nothing(writer: CaptionEncoder) -> None:
    """Their embedding is zero, and no gradient moves it."""
    model = train.build_model(writer)
    strange = writer.tokenizer.encode("footage zebra")
    weights = model.token_embedding.weight
    weights.sum().backward()
    assert weights[strange].abs().max() == 0
    assert weights.grad is not None and weights.grad[strange].abs().max() == 0
    assert weights.grad[writer.tokenizer.encode("red")].abs().min() == 1


def stop_after(monkeypatch: pytest.MonkeyPatch, saves: int) -> None:
    """Interrupt training right after it has saved that often."""
    left, save = iter(range(saves)), train._save_checkpoint

    def stopping(*given: object) -> None:
        save(*given)
        if next(left) == saves - 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(train, "_save_checkpoint", stopping)


@pytest.mark.slow
def test_a_stopped_training_ends_where_an_undisturbed_one_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one go or in two runs, through two phases: the same weights."""
    monkeypatch.setattr(train, "held_out_precision", lambda model, device: 0.0)
    monkeypatch.setattr(train, "CHECKPOINT_EVERY", 1)
    phases = (Phase(2, 1e-3, 8), Phase(1, 1e-3, 6, family=3, each=2, spread=1.0))
    whole = train.train_model(Plan(phases=phases), tmp_path / "whole.pt").state_dict()
    stop_after(monkeypatch, saves=1)
    with pytest.raises(KeyboardInterrupt):
        train.train_model(Plan(phases=phases), tmp_path / "halves.pt")
    monkeypatch.undo()
    monkeypatch.setattr(train, "held_out_precision", lambda model, device: 0.0)
    halves = train.train_model(Plan(phases=phases), tmp_path / "halves.pt").state_dict()
    assert all(torch.equal(value, halves[name]) for name, value in whole.items())
