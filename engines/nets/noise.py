"""Noise for training: drawn on the CPU, so that a seed gives the same numbers on any device."""

from typing import Any

import torch
from torch import Tensor

from data.errors import UserError


def draw_noise(like: Tensor) -> Tensor:
    """Normal noise in the shape, in the dtype and on the device of a tensor."""
    return torch.randn(like.shape, dtype=like.dtype).to(like.device)


def draw_order(count: int, device: torch.device) -> Tensor:
    """(count,) a random order of the first numbers."""
    return torch.randperm(count).to(device)


def find_target(scheduler: Any, clean: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
    """What a denoiser of this scheduler predicts, in the shape of the latents.

    The noise (epsilon; DDPM, arXiv 2006.11239, eq. 14) or the velocity (arXiv 2202.00512, section
    4), as the scheduler's configuration says; a UserError if that is something else.
    """
    kind = scheduler.config.prediction_type
    if kind == "epsilon":
        return noise
    if kind == "v_prediction":
        return scheduler.get_velocity(clean, noise, timesteps)
    raise UserError(
        f"a base whose scheduler says prediction_type {kind} cannot be trained on: it has to be"
        " epsilon or v_prediction"
    )
