"""Tests that a training that was stopped ends as one that was not, to the last bit."""

import os
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch
from support.paths import REPOSITORY, TESTS
from torch import nn

from engines.train.loop import WARM_UP, Schedule, compute_decay, learning_rate, train_model

SHORT = Schedule(steps=7, rate=1e-2, checkpoint_every=3, log_every=2)


class Stopped(Exception):
    """What stands in for a kill."""


def model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.2), nn.Linear(8, 1))


def loss_of(trainee: nn.Module, dies_at: int | None = None):
    """Squared distance from the sum of four numbers; the call `dies_at` never comes back."""
    calls = iter(range(1000))

    def loss(rng: np.random.Generator) -> torch.Tensor:
        if next(calls) == dies_at:
            raise Stopped
        given = torch.from_numpy(rng.normal(size=(16, 4)).astype(np.float32))
        return (trainee(given) - given.sum(1, keepdim=True)).square().mean()

    return loss


def trained(folder: Path, schedule: Schedule = SHORT, dies_at: int | None = None) -> nn.Module:
    trainee = model()
    train_model(trainee, loss_of(trainee, dies_at), schedule, folder / "checkpoint.pt")
    return trainee


def same(one: nn.Module, other: nn.Module) -> bool:
    theirs = other.state_dict()
    return all(torch.equal(value, theirs[name]) for name, value in one.state_dict().items())


@pytest.mark.parametrize("dies_at", [0, 1, 3, 5, 6])
@pytest.mark.parametrize("precision", ["no", "bf16"])
def test_a_stop_anywhere_changes_no_bit(tmp_path: Path, dies_at: int, precision: str) -> None:
    schedule = Schedule(7, 1e-2, checkpoint_every=3, precision=precision)
    whole = trained(tmp_path / "whole", schedule)
    with pytest.raises(Stopped):
        trained(tmp_path / "parts", schedule, dies_at)
    assert same(trained(tmp_path / "parts", schedule), whole)


def test_a_finished_training_is_not_gone_through_again(tmp_path: Path) -> None:
    once = trained(tmp_path)
    assert same(trained(tmp_path, dies_at=0), once)


def test_a_half_written_checkpoint_is_never_read(tmp_path: Path) -> None:
    with pytest.raises(Stopped):
        trained(tmp_path, dies_at=4)
    (tmp_path / ".checkpoint.pt.part").write_bytes(b"half")
    assert same(trained(tmp_path), trained(tmp_path / "whole"))


def test_another_seed_is_another_training(tmp_path: Path) -> None:
    one = trained(tmp_path / "0")
    assert not same(one, trained(tmp_path / "1", Schedule(7, 1e-2, seed=1)))


def test_what_asks_for_no_gradient_stays_as_it_is(tmp_path: Path) -> None:
    trainee, before = model(), model()
    trainee[0].requires_grad_(False)
    train_model(trainee, loss_of(trainee), SHORT, tmp_path / "checkpoint.pt")
    assert same(trainee[0], before[0]) and not same(trainee[2], before[2])


def test_without_averaging_training_leaves_the_last_weights(tmp_path: Path) -> None:
    last = trained(tmp_path, Schedule(7, 1e-2, average=0))
    state = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert all(torch.equal(value, state["model"][name]) for name, value in last.named_parameters())


def shares(schedule: Schedule) -> list[float]:
    """What each step's weights count for in the mean at the end, from the decays."""
    decays = [compute_decay(schedule, step) for step in range(schedule.steps)]
    later = np.cumprod([1.0, *decays[:0:-1]])[::-1]  # of all that come after each
    return [(1 - decay) * rest for decay, rest in zip(decays, later, strict=True)]


def test_training_leaves_the_mean_of_the_weights_of_its_steps(tmp_path: Path) -> None:
    """The initial weights have no part in it: with a constant decay they had 99 % here."""
    each, seen = Schedule(4, 1e-2, checkpoint_every=1), list[torch.Tensor]()
    for stop in range(1, 5):  # the raw weights after each step, as a checkpoint there has them
        with suppress(Stopped):
            whole = trained(tmp_path, each, dies_at=1 if stop < 4 else None)
        state = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
        seen.append(state["model"]["0.weight"])
    expected = sum(share * weights for share, weights in zip(shares(each), seen, strict=True))
    torch.testing.assert_close(whole[0].weight, expected)


@pytest.mark.parametrize("steps", [1, 7, 250, 2000, 20_000])
@pytest.mark.parametrize("average", [0.0, 0.9, 0.999])
def test_shares_of_the_mean_sum_to_one_and_the_first_steps_vanish(
    steps: int, average: float
) -> None:
    each = shares(Schedule(steps, 1e-2, average=average))
    assert sum(each) == pytest.approx(1)
    if steps >= 250:
        assert sum(each[: steps // 10]) < 1e-6 and sum(each[: steps // 2]) < 0.003


def test_the_decay_is_the_schedules_once_enough_steps_were_seen() -> None:
    decays = [compute_decay(Schedule(1, 1e-2, average=0.9), step) for step in range(200)]
    assert decays[0] == 0 and decays == sorted(decays)
    assert decays[80] < 0.9 == decays[81] == decays[-1]


def test_a_checkpoint_whose_mean_has_the_initial_weights_in_it_goes_on(tmp_path: Path) -> None:
    """As checkpoints of 0.1.0 have: what they hold too much of is forgotten."""
    long = Schedule(120, 1e-2, checkpoint_every=10)
    with pytest.raises(Stopped):
        trained(tmp_path / "old", long, dies_at=15)
    state = torch.load(tmp_path / "old" / "checkpoint.pt", weights_only=True)
    state["mean"] = [mean + 1 for mean in state["mean"]]
    torch.save(state, tmp_path / "old" / "checkpoint.pt")
    resumed, whole = trained(tmp_path / "old", long), trained(tmp_path / "whole", long)
    torch.testing.assert_close(resumed[0].weight, whole[0].weight, atol=1e-6, rtol=0)


def test_the_loss_falls_and_is_told(tmp_path: Path) -> None:
    trainee, said = model(), list[tuple[int, float]]()
    schedule = Schedule(200, 3e-2, average=0.9, log_every=40)
    train_model(
        trainee, loss_of(trainee), schedule, tmp_path / "c.pt", lambda *each: said.append(each)
    )
    assert [step for step, _ in said] == [40, 80, 120, 160, 200]
    assert said[-1][1] < said[0][1] / 2


def test_the_rate_rises_in_a_hundred_steps_and_falls_to_a_fiftieth() -> None:
    schedule = Schedule(steps=1000, rate=1.0)
    rates = [learning_rate(schedule, step) for step in range(1000)]
    assert rates[0] == pytest.approx(1 / WARM_UP, rel=1e-3)
    assert int(np.argmax(rates)) == WARM_UP - 1
    assert rates[-1] == pytest.approx(0.02, rel=1e-2)


TEAM = """
import os, sys; sys.path[:0] = sys.argv[2:]
import accelerate
import test_loop as t
child = os.fork()
os.environ["RANK"] = os.environ["LOCAL_RANK"] = "1" if child else "0"
t.torch.set_num_threads(1)
model = t.undisturbed()
t.train_model(model, t.loss_of(model), t.SHORT, t.Path(sys.argv[1]) / "checkpoint.pt")
t.torch.save(model.state_dict(), t.Path(sys.argv[1]) / f"{os.environ['RANK']}.pt")
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) if child else 0)
"""


def undisturbed() -> nn.Module:
    """The model without dropout, for which processes draw apart."""
    trainee = model()
    trainee[1].p = 0.0
    return trainee


@pytest.mark.slow
def test_processes_that_train_together_have_the_same_weights(tmp_path: Path) -> None:
    """Each sees its own examples, and a step is by the mean of their gradients."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    paths = [str(Path(__file__).parent), str(TESTS), str(REPOSITORY)]
    team = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
            "ACCELERATE_USE_CPU": "true"}  # fmt: skip
    command = [sys.executable, "-c", TEAM, str(tmp_path), *paths]
    subprocess.run(command, env=os.environ | team, check=True, timeout=100)
    one, other = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(2))
    assert all(torch.equal(value, other[name]) for name, value in one.items())
    alone = undisturbed()
    train_model(alone, loss_of(alone), SHORT, tmp_path / "alone.pt")
    assert not torch.equal(alone[0].weight, one["0.weight"])
