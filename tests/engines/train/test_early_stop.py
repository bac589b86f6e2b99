"""A training that gets no better is stopped, at the same step however often it was interrupted."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from engines.train.early_stop import EarlyStop
from engines.train.loop import Schedule, train_model

SHORT = Schedule(steps=12, rate=1e-2, checkpoint_every=2)
SCORES = [1.0, 3.0, 2.0, 2.5, 9.0, 9.0]


class Stopped(Exception):
    """What stands in for a kill."""


def trained(folder: Path, patience: int, dies_at: int | None = None) -> tuple[nn.Module, EarlyStop]:
    """A model with batch norm and dropout, whose held-out scores are `SCORES`."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.2), nn.Linear(8, 1))
    calls = iter(range(100))

    def loss(rng: np.random.Generator) -> torch.Tensor:
        if next(calls) == dies_at:
            raise Stopped
        return model(torch.from_numpy(rng.normal(size=(8, 4)).astype(np.float32))).square().mean()

    def score() -> float:
        assert not model.training
        torch.rand(3)  # random numbers of a measurement do not move those of the training
        return SCORES[len(early.scores)]

    early = EarlyStop(score, patience)
    train_model(model, loss, SHORT, folder / "c.pt", early_stop=early)
    return model, early


def test_the_best_is_kept_and_the_rest_is_not_trained(tmp_path: Path) -> None:
    model, early = trained(tmp_path, patience=2)
    assert early.scores == SCORES[:4] and early.has_stopped
    state = torch.load(tmp_path / "c.pt", weights_only=True)
    assert state["step"] == 8
    best = state["early"]["best"]
    assert all(torch.equal(value, best[name]) for name, value in model.state_dict().items())
    at_four = trained(tmp_path / "four", patience=9)[1]
    assert len(at_four.scores) == 6 and not at_four.has_stopped  # the last two are the best


@pytest.mark.parametrize("dies_at", [1, 3, 6, 7])
def test_an_interrupted_training_stops_where_the_whole_one_does(tmp_path: Path, dies_at) -> None:
    whole, _ = trained(tmp_path / "whole", patience=2)
    with pytest.raises(Stopped):
        trained(tmp_path / "parts", 2, dies_at)
    resumed, early = trained(tmp_path / "parts", 2)
    again, _ = trained(tmp_path / "parts", 2, dies_at=0)  # stopped: no step is left
    for other in (resumed, again):
        state = other.state_dict()
        assert all(torch.equal(value, state[name]) for name, value in whole.state_dict().items())
    assert early.scores == SCORES[:4]


def test_measuring_changes_no_bit_of_the_training(tmp_path: Path) -> None:
    states = []
    for early in (None, EarlyStop(lambda: float(torch.rand(1)), patience=99)):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.2), nn.Linear(8, 1))

        def loss(rng: np.random.Generator, model: nn.Module = model) -> torch.Tensor:
            drawn = torch.from_numpy(rng.normal(size=(8, 4)).astype(np.float32))
            return model(drawn).square().mean()

        file = tmp_path / f"{early is None}.pt"
        train_model(model, loss, SHORT, file, early_stop=early)
        states.append(torch.load(file, weights_only=True)["model"])
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())
