"""The three norms of a controller: with a timestep embedding of its own, the UNet's, or none."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from engines.nets.controller_config import ControllerConfig

TIMESTEPS = 1000


@dataclass
class DenoisingStep:
    """The timestep of a UNet call: `timestep` (B,) and its `embedding` (B, time_channels)."""

    timestep: Tensor | None = None
    embedding: Tensor | None = None


class LearnedNorm(nn.Module):
    """A layer norm, scaled and shifted by its own embedding of the timestep."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.emb = nn.Embedding(TIMESTEPS, channels)
        self.linear = nn.Linear(channels, 2 * channels)

    def forward(self, x: Tensor, step: DenoisingStep) -> Tensor:
        """Maps (B, …, C) to (B, …, C)."""
        assert step.timestep is not None
        # `long`, as schedulers may give float timesteps.
        return _scale_and_shift(x, self.linear(functional.silu(self.emb(step.timestep.long()))))


class UnetNorm(nn.Module):
    """A layer norm, scaled and shifted by the UNet's embedding of the timestep."""

    def __init__(self, channels: int, time_channels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(time_channels, 2 * channels)

    def forward(self, x: Tensor, step: DenoisingStep) -> Tensor:
        """Maps (B, …, C) to (B, …, C)."""
        assert step.embedding is not None
        return _scale_and_shift(x, self.linear(step.embedding))


class PlainNorm(nn.LayerNorm):
    """A layer norm that ignores the timestep."""

    def forward(self, x: Tensor, step: DenoisingStep) -> Tensor:  # type: ignore[override]
        """Maps (B, …, C) to (B, …, C)."""
        return super().forward(x)


def build_norm(config: ControllerConfig, channels: int) -> nn.Module:
    """The norm that the config selects."""
    if config.norm == "learned":
        return LearnedNorm(channels)
    if config.norm == "unet":
        return UnetNorm(channels, config.time_channels)
    return PlainNorm(channels)


def _scale_and_shift(x: Tensor, parameters: Tensor) -> Tensor:
    """LayerNorm(x) (1 + scale) + shift, for x (B, …, C) and parameters (B, 2C)."""
    scale, shift = parameters.view(len(x), *[1] * (x.dim() - 2), -1).chunk(2, dim=-1)
    return torch.addcmul(shift, functional.layer_norm(x, x.shape[-1:]), 1 + scale)
