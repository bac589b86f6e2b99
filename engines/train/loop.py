"""A training loop that can be stopped anywhere and resumes exactly as if it had not been."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from math import cos, pi
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engines.train.early_stop import EarlyStop
from engines.weights_file import open_weights

if TYPE_CHECKING:
    from torch import Tensor, nn

RESUME = "resume.pt"  # in a training's folder: all that it goes on from
WARM_UP = 100
AVERAGE_WARM_UP = 9  # steps; the mean is over about a tenth of the steps until `average` is less

Loss = Callable[[np.random.Generator], "Tensor"]


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to train, and from which seed.

    `average` is the decay of the weights' running mean per step, at most: see `compute_decay`. The
    trained model has that mean.
    Progress is reported every `log_every` steps, and at every checkpoint. A `constant` rate has
    neither warm-up nor decay.
    """

    steps: int
    rate: float
    batch: int = 16
    seed: int = 0
    average: float = 0.999
    checkpoint_every: int = 250
    log_every: int = 250
    precision: str = "no"
    clip_gradient: float = 1.0
    betas: tuple[float, float] = (0.9, 0.99)
    constant: bool = False


def train_model(
    model: "nn.Module",
    loss: Loss,
    schedule: Schedule,
    checkpoint: Path,
    on_progress: Callable[[int, float], None] = lambda step, loss: None,
    early_stop: EarlyStop | None = None,
) -> None:
    """Trains the model's parameters that require a gradient, from the checkpoint if there is one.

    On several processes (`accelerate launch`) each draws its own examples and gradients are
    averaged. `on_progress` gets the step and the mean loss since its last call. With `early_stop`
    the mean is measured at every checkpoint, and the model is left with the best.
    """
    import torch

    team = _build_accelerator(schedule.precision)
    model.to(team.device).train()
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, betas=schedule.betas, weight_decay=0.01)
    early = early_stop or EarlyStop()
    done = _load_progress(checkpoint, model, optimizer, early)
    first = done.mean or _copy_parameters(trained)
    mean = [m.to(p.device) for m, p in zip(first, trained, strict=True)]
    losses: list[float] = []
    for step in range(done.step, 0 if early.has_stopped else schedule.steps):
        losses.append(_take_step(team, optimizer, trained, loss, schedule, step))
        torch._foreach_lerp_(mean, _copy_parameters(trained), 1 - compute_decay(schedule, step))
        ends = step + 1 == schedule.steps
        saves = ends or (step + 1) % schedule.checkpoint_every == 0
        if saves:  # by every process, as each has to know when to stop
            early.measure(model, trained, mean)
        if team.is_main_process and saves:
            _save_progress(checkpoint, step + 1, model, optimizer, mean, early)
        if saves or (step + 1) % schedule.log_every == 0:
            if team.is_main_process:
                on_progress(step + 1, float(np.mean(losses)))
            losses.clear()
        if early.has_stopped:
            break
    # The optimizer's checkpoint keeps the raw weights; only the caller gets their mean.
    with torch.no_grad():
        for parameter, value in zip(trained, mean, strict=True):
            parameter.copy_(value)
    early.restore_best(model)


def learning_rate(schedule: Schedule, step: int) -> float:
    """The learning rate: up in a hundred steps, then down along a cosine to a fiftieth."""
    if schedule.constant:
        return schedule.rate
    warm = min(1.0, (step + 1) / WARM_UP)
    return schedule.rate * warm * (0.02 + 0.98 * (1 + cos(pi * step / schedule.steps)) / 2)


def compute_decay(schedule: Schedule, step: int) -> float:
    """The share of the running mean that a step keeps: rises from 0, up to `average`.

    With a constant decay d the initial weights would keep a share of d^n after n steps: 78 % after
    250 steps of 0.999. With t / (t + 9) the first step's weights take their place, and what is
    older than half of the steps counts for a five-hundredth.
    """
    return min(schedule.average, step / (step + AVERAGE_WARM_UP))


def _build_accelerator(precision: str) -> Any:
    """The processes that train together; the model is not wrapped.

    A trained model may be called from within another one, where a wrapper would see nothing of
    it; so gradients are averaged by hand.
    """
    from accelerate import Accelerator
    from accelerate.state import AcceleratorState

    AcceleratorState._reset_state()  # else a process can train at one precision only
    return Accelerator(mixed_precision=precision)


def _take_step(
    team: Any, optimizer: Any, trained: list["nn.Parameter"], loss: Loss, schedule: Schedule,
    step: int,
) -> float:  # fmt: skip
    """Takes one step, and returns its loss."""
    import torch

    for group in optimizer.param_groups:
        group["lr"] = learning_rate(schedule, step)
    # Every step draws from generators of its own, seeded by its number and the process's rank:
    # so a run that was stopped ends with the same weights as one that was not.
    torch.manual_seed((schedule.seed * 1_000_003 + step) * 1_009 + team.process_index)
    with team.autocast():
        value = loss(np.random.default_rng([schedule.seed, 5, step, team.process_index]))
    optimizer.zero_grad()
    team.backward(value)
    _average_gradients(team, trained)
    torch.nn.utils.clip_grad_norm_(trained, schedule.clip_gradient)
    optimizer.step()
    return float(value.item())


def _average_gradients(team: Any, trained: list["nn.Parameter"]) -> None:
    """Averages gradients over the processes."""
    import torch

    if team.num_processes == 1:
        return
    # By all, also one that dropped its clips; in one message, as hundreds took a third of a step.
    own = [torch.zeros_like(p) if p.grad is None else p.grad for p in trained]
    mean = team.reduce(torch.cat([gradient.flatten() for gradient in own]), "mean")
    for parameter, part in zip(trained, mean.split([p.numel() for p in trained]), strict=True):
        parameter.grad = part.view_as(parameter).to(parameter.dtype)


def _copy_parameters(trained: list["nn.Parameter"]) -> list["Tensor"]:
    return [p.detach().clone().float() for p in trained]


@dataclass(frozen=True)
class _Progress:
    step: int
    mean: list["Tensor"]


def _load_progress(
    checkpoint: Path, model: "nn.Module", optimizer: Any, early: EarlyStop
) -> _Progress:
    import torch

    if not checkpoint.exists():
        return _Progress(0, [])
    with open_weights(checkpoint):
        state = torch.load(checkpoint, weights_only=True, map_location="cpu")
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        early.load_state_dict(state.get("early", {}))
        return _Progress(state["step"], state["mean"])


def _save_progress(
    checkpoint: Path, step: int, model: "nn.Module", optimizer: Any, mean: list["Tensor"],
    early: EarlyStop,
) -> None:  # fmt: skip
    import torch

    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    # Replaced in one move: a stop leaves the checkpoint before it.
    draft = checkpoint.with_name(f".{checkpoint.name}.part")
    state = {
        "step": step, "model": model.state_dict(), "optimizer": optimizer.state_dict(),
        "mean": mean, "early": early.state_dict(),
    }  # fmt: skip
    torch.save(state, draft)
    os.replace(draft, checkpoint)
