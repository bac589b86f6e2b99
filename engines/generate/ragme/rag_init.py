"""RagInit (RAGME, arXiv 2504.06672): initial noise with the clips' latents mixed in."""

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

    from engines.generate.protocol import Clip


@dataclass(frozen=True, slots=True)
class InitialLatents:
    """The latents (1, C, T, h, w) that sampling starts from, and the timesteps to run."""

    latents: "Tensor"
    timesteps: "Tensor"
    generator: "torch.Generator"


def noise_generator(request: Request, spec: GenerateSpec) -> "torch.Generator":
    """A random generator seeded by the request alone.

    With `shared_noise`, as RAGME has it, every prompt's noise is the same.
    """
    import torch

    shared = "shared_noise" in spec.rag.compat
    seed = spec.seed + request.sample if shared else request.seed
    # On the CPU, which draws the same numbers whatever device generates.
    return torch.Generator().manual_seed(seed)


def clip_weights(scores: Sequence[float], spec: GenerateSpec) -> np.ndarray:
    """(n,) float64, summing to one: each clip's weight in the mean latents.

    By score, clips no better than unrelated ones (0 and below) have no weight.
    """
    if spec.rag.weights == "best":
        return np.eye(len(scores))[0]  # scores come best first
    weights = np.maximum(np.asarray(scores, dtype=np.float64), 0)
    # Where every clip is unrelated, equal weights are all that is left.
    if spec.rag.weights == "equal" or not weights.any():
        weights = np.ones(len(scores))
    return weights / weights.sum()


def weigh_clips(clips: "Sequence[Clip]", spec: GenerateSpec) -> tuple[float, ...]:
    """Each clip's weight in the mean latents; empty without clips."""
    scores = [clip.source.score for clip in clips]
    return tuple(map(float, clip_weights(scores, spec))) if scores else ()


def init_latents(
    source: "torch.Generator", shape: tuple[int, ...], mean: "Tensor | None",
    spec: GenerateSpec, scheduler: Any,
) -> InitialLatents:  # fmt: skip
    """The initial latents: s sqrt(A) m + sqrt(1 - s^2 A) e, with A the first timestep's alpha-bar.

    RagInit (RAGME, arXiv 2504.06672) with a strength s, 1 as published. `mean` m (1, C, T, h, w)
    are the clips' mean latents and e is noise; the variance is kept whatever s. With a mean of
    None or a strength of 0 it is plain noise, and all timesteps are run. `rag.start` skips the
    first timesteps, as SDEdit (arXiv 2108.01073) does.
    """
    import torch

    # Noise is drawn first, so that a request has the same noise with clips and without.
    noise = torch.randn(shape, generator=source)
    timesteps = scheduler.timesteps
    if mean is not None and spec.rag.init > 0:
        timesteps = skip_timesteps(scheduler, spec.rag.start)
        signal, rest = mixing_coefficients(scheduler, int(timesteps[0]), spec.rag.init)
        noise = signal * mean.float().cpu() + rest * noise
    return InitialLatents(noise * scheduler.init_noise_sigma, timesteps, source)


def skip_timesteps(scheduler: Any, share: float) -> "Tensor":
    """The last `share` of all timesteps (at least one); the scheduler then starts there."""
    skipped = len(scheduler.timesteps) - max(1, round(share * len(scheduler.timesteps)))
    # Euler's kind scales its noise for the first timestep; a later one would need another scale.
    if skipped and float(scheduler.init_noise_sigma) != 1:
        name = type(scheduler).__name__
        raise UserError(
            f"{name} cannot start at a later step: use a DDIM-like scheduler, or --start 1"
        )
    if skipped and hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(skipped)
    return scheduler.timesteps[skipped:]


def mixing_coefficients(
    scheduler: Any, timestep: int, strength: float = 1.0
) -> tuple[float, float]:
    """The factors of the clips' mean latents and of the noise at a timestep; squares sum to 1."""
    if not hasattr(scheduler, "alphas_cumprod"):
        name = type(scheduler).__name__
        raise UserError(
            f"clips cannot be mixed into the noise of {name}: use a DDIM-like scheduler, or"
            " --init 0"
        )
    signal = strength * float(scheduler.alphas_cumprod[timestep]) ** 0.5
    return signal, (1 - signal**2) ** 0.5


def posterior_generator(key: str) -> "torch.Generator":
    """A random generator for sampling a clip's latents, seeded by the clip's key alone."""
    import torch

    digest = hashlib.sha256(key.encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)  # 63 bits
