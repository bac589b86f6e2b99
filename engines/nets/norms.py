"""The three norms of a controller: they see the timestep in their own way, the UNet's, or not."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from engines.nets.controller_config import ControllerConfig

TIMESTEPS = 1000


@dataclass
class Moment:
    """When in the denoising a call of the UNet is: (B,) steps, and their (B, time_channels)."""

    timestep: Tensor | None = None
    embedding: Tensor | None = None


class LearnedNorm(nn.Module):
    """A layer norm, scaled and shifted by an embedding of the timestep that is its own."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.emb = nn.Embedding(TIMESTEPS, channels)
        self.linear = nn.Linear(channels, 2 * channels)

    def forward(self, x: Tensor, moment: Moment) -> Tensor:
        """(B, …, C) of (B, …, C)."""
        assert moment.timestep is not None
        said = self.linear(functional.silu(self.emb(moment.timestep.long())))
        return _scaled(x, said)


class UnetNorm(nn.Module):
    """A layer norm, scaled and shifted by the UNet's own embedding of the timestep."""

    def __init__(self, channels: int, time_channels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(time_channels, 2 * channels)

    def forward(self, x: Tensor, moment: Moment) -> Tensor:
        """(B, …, C) of (B, …, C)."""
        assert moment.embedding is not None
        return _scaled(x, self.linear(moment.embedding))


class PlainNorm(nn.LayerNorm):
    """A layer norm that no timestep changes."""

    def forward(self, x: Tensor, moment: Moment) -> Tensor:  # type: ignore[override]
        """(B, …, C) of (B, …, C)."""
        return super().forward(x)


def norm(config: ControllerConfig, channels: int) -> nn.Module:
    """The kind of norm that the config asks for."""
    if config.norm == "learned":
        return LearnedNorm(channels)
    if config.norm == "unet":
        return UnetNorm(channels, config.time_channels)
    return PlainNorm(channels)


def _scaled(x: Tensor, said: Tensor) -> Tensor:
    scale, shift = said.view(len(x), *[1] * (x.dim() - 2), -1).chunk(2, dim=-1)
    return torch.addcmul(shift, functional.layer_norm(x, x.shape[-1:]), 1 + scale)
