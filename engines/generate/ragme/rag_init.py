"""The noise that a video begins from: its own, with its clips' latents in it (RagInit)."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from data.errors import UserError
from data.records import Request
from data.specs.pipeline import GenerateSpec

if TYPE_CHECKING:
    import torch
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class Beginning:
    """Where sampling begins: latents (1, C, T, h, w) and the timesteps that are run from there."""

    latents: "Tensor"
    timesteps: "Tensor"
    generator: "torch.Generator"


def generator(request: Request, spec: GenerateSpec) -> "torch.Generator":
    """A source of noise on the CPU: the same numbers on any device, of the request's seed alone.

    `shared_noise` brings back RAGME's: every prompt's noise is the same.
    """
    import torch

    shared = "shared_noise" in spec.rag.compat
    seed = spec.seed + request.sample if shared else request.seed
    return torch.Generator().manual_seed(seed)


def shares(scores: Sequence[float], spec: GenerateSpec) -> np.ndarray:
    """(n,) float64, summing to one: what each clip counts for in the initial noise.

    By score, clips that are no better than unrelated (0 and below) count for nothing.
    """
    if spec.rag.weights == "best":
        return np.eye(len(scores))[0]  # scores come best first
    weights = np.maximum(np.asarray(scores, dtype=np.float64), 0)
    if spec.rag.weights == "equal" or not weights.any():
        weights = np.ones(len(scores))
    return weights / weights.sum()


def begin(
    source: "torch.Generator", shape: tuple[int, ...], mean: "Tensor | None",
    spec: GenerateSpec, scheduler: Any,
) -> Beginning:  # fmt: skip
    """The first latents: sqrt(A) m + sqrt(1 - A) e, with A the scheduler's at the first timestep.

    RagInit; RAGME (arXiv 2504.06672). `mean` (1, C, T, h, w) are the clips' mean latents; None, or
    a strength of 0, leaves plain noise and all the timesteps. Less strength takes as much less of
    the mean, and as much more noise as keeps the variance. `rag.start` leaves out the first
    timesteps, as SDEdit (arXiv 2108.01073) does.
    """
    import torch

    noise = torch.randn(shape, generator=source)
    timesteps = scheduler.timesteps
    if mean is not None and spec.rag.init > 0:
        timesteps = later(scheduler, spec.rag.start)
        share, rest = coefficients(scheduler, int(timesteps[0]), spec.rag.init)
        noise = share * mean.float().cpu() + rest * noise
    return Beginning(noise * scheduler.init_noise_sigma, timesteps, source)


def later(scheduler: Any, share: float) -> "Tensor":
    """The last timesteps, a share of all (at least one), where the scheduler then begins."""
    left_out = len(scheduler.timesteps) - max(1, round(share * len(scheduler.timesteps)))
    if left_out and float(scheduler.init_noise_sigma) != 1:
        name = type(scheduler).__name__
        raise UserError(f"{name} cannot begin later: use DDIM's kind, or a start of 1")
    if left_out and hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(left_out)
    return scheduler.timesteps[left_out:]


def coefficients(scheduler: Any, timestep: int, strength: float = 1.0) -> tuple[float, float]:
    """What the clips' mean latents, and the noise, are multiplied with at a timestep."""
    if not hasattr(scheduler, "alphas_cumprod"):
        name = type(scheduler).__name__
        raise UserError(f"clips cannot begin a video with {name}: use DDIM's kind, or --init 0")
    share = strength * float(scheduler.alphas_cumprod[timestep]) ** 0.5
    return share, (1 - share**2) ** 0.5


def posterior(key: str) -> "torch.Generator":
    """What a clip's latents are drawn with: hangs on the clip, so that they can be kept."""
    import torch

    digest = hashlib.sha256(key.encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)
