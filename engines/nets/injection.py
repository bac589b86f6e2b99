"""RAGME's infuser: what the clips add to the UNet's features at one site."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from engines.nets.controller_config import ControllerConfig
from engines.nets.layers import Attention, FeedForward, positions
from engines.nets.norms import Moment, norm

Remembered = tuple[Tensor, ...]


class CrossAttending(nn.Module):
    """A transformer block whose queries are the features, and whose keys are the clips' tokens."""

    def __init__(self, config: ControllerConfig, channels: int) -> None:
        super().__init__()
        self.config, self.among_clips = config, config.only_cross_attention
        self.norm1, self.norm2 = norm(config, channels), norm(config, channels)
        self.attn1 = Attention(channels, config.cin if self.among_clips else channels)
        self.attn2 = Attention(channels, config.cin)
        self.norm3 = nn.LayerNorm(channels)
        self.ff = FeedForward(channels)

    def remember(self, clips: Tensor) -> Remembered:
        """Keys and values of tokens (B, n, cin): no timestep changes them."""
        first = self.attn1.remember(clips) if self.among_clips else ()
        return (*first, *self.attn2.remember(clips))

    def forward(self, x: Tensor, said: Remembered, mask: Tensor | None, moment: Moment) -> Tensor:
        """(B, height, width, frames, C) of features of that shape."""
        code = self._code(x) if self.config.positions else None
        normed = _at(self.norm1(x, moment), code)
        if self.among_clips:
            x = x + self._attended(self.attn1, normed, (said[0], said[1]), mask)
        else:
            frames = normed.flatten(0, 2)
            x = x + self.attn1(frames, self.attn1.remember(frames)).view_as(x)
        normed = _at(self.norm2(x, moment), code)
        x = x + self._attended(self.attn2, normed, (said[-2], said[-1]), mask)
        return x + self.ff(self.norm3(x))

    @staticmethod
    def _attended(
        attention: Attention, x: Tensor, said: tuple[Tensor, Tensor], mask: Tensor | None
    ) -> Tensor:
        return attention(x.flatten(1, 3), said, mask).view(x.shape)

    def _code(self, x: Tensor) -> Tensor | None:
        """Where and when a query is, along the axes that were not averaged."""
        where = () if self.config.spatial_average else x.shape[1:3]
        when = () if self.config.temporal_average else x.shape[3:4]
        axes = (*where, *when)
        return positions(axes, x.shape[-1], x).view(1, *x.shape[1:]) if axes else None


def _at(normed: Tensor, code: Tensor | None) -> Tensor:
    return normed if code is None else normed + code


class Adding(nn.Module):
    """The clips' mean token, added to the features and put through two layers."""

    def __init__(self, config: ControllerConfig, channels: int) -> None:
        super().__init__()
        shared = norm(config, channels)
        self.in_layer = nn.Linear(config.cin, channels)
        self.norm_in = shared
        twice = [(nn.Linear(channels, channels), nn.GELU(), shared) for _ in range(2)]
        self.body = nn.ModuleList([part for parts in twice for part in parts])

    def remember(self, clips: Tensor) -> Remembered:
        """(B, 1, 1, 1, C) of tokens (B, n, cin)."""
        return (self.in_layer(clips.mean(dim=1))[:, None, None, None],)

    def forward(self, x: Tensor, said: Remembered, mask: Tensor | None, moment: Moment) -> Tensor:
        """(B, height, width, frames, C) of features of that shape."""
        x = self.norm_in(said[0], moment) + x
        for first in (0, 3):
            x = self.body[first + 2](functional.gelu(self.body[first](x)), moment)
        return x


class Infuser(nn.Module):
    """A block and a zero convolution for every site."""

    def __init__(self, config: ControllerConfig) -> None:
        super().__init__()
        self.config = config
        made = Adding if config.mode == "add" else CrossAttending
        self.zero_convs = nn.ModuleList([nn.Conv2d(c, c, 1) for c in config.channels])
        self.blocks = nn.ModuleList([made(config, c) for c in config.channels])
        for parameter in self.zero_convs.parameters():
            nn.init.zeros_(parameter)

    def remember(self, clips: Tensor) -> Sequence[Remembered]:
        """What each site takes from tokens (B, n, cin)."""
        remember: list[Any] = [block.remember for block in self.blocks]
        return [one(clips) for one in remember]

    def residual(
        self, site: int, h: Tensor, said: Remembered, mask: Tensor | None, moment: Moment
    ) -> Tensor:
        """What is to be added to features (B, T, C, H, W): of that shape, 1 where averaged."""
        if self.config.spatial_average:
            h = h.mean(dim=(3, 4), keepdim=True)
        if self.config.temporal_average:
            h = h.mean(dim=1, keepdim=True)
        queries = h.permute(0, 3, 4, 1, 2).contiguous()
        told = self.blocks[site](queries, said, mask, moment).permute(0, 3, 4, 1, 2)
        gated = self.zero_convs[site](told.flatten(0, 1).contiguous())
        return gated.unflatten(0, told.shape[:2])


def averaged(clips: Tensor, present: Tensor | None) -> Tensor:
    """(B, n, C): the mean of tokens (B, K, n, C) over the clips that are present, (B, K) bool."""
    if present is None:
        return clips.mean(dim=1)
    weight = present.to(clips.dtype)[:, :, None, None]
    return (clips * weight).sum(dim=1) / weight.sum(dim=1).clamp(min=1)
