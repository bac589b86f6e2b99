"""REGIS-U: the 3-D U-Net of Video Diffusion Models (Ho et al. 2022) as a degrainer and inpainter.

Space is halved at every level but the last, time never; conditioning is left out, which the
published network has but does not use.
"""

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from engines.nets.video_unet_parts import (
    Attention,
    LinearAttention,
    OverSpace,
    OverTime,
    PreNorm,
    RelativeBias,
    Residual,
    ResnetBlock,
)


@dataclass(frozen=True)
class UnetConfig:
    """Sizes of a U-Net; the defaults are the published ones, but for `residual` and `holes`.

    With `residual` the network predicts what is wrong with a clip, and as made changes nothing.
    With `holes` it has a fourth input channel: 1 in holes, 0 elsewhere.
    """

    dim: int = 64
    multipliers: tuple[int, ...] = (1, 2, 4, 8)
    heads: int = 8
    head_width: int = 32
    residual: bool = True
    holes: bool = True

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of the stem and of each level."""
        return (self.dim, *(self.dim * each for each in self.multipliers))

    @property
    def multiple(self) -> int:
        """What a frame's sides must be multiples of."""
        return 2 ** (len(self.multipliers) - 1)


class VideoUnet(nn.Module):
    """Maps clips (B, 3, T, H, W) in 0 to 1, and their holes (B, 1, T, H, W), to such clips.

    Without `residual` a sigmoid keeps them in 0 to 1; with it nothing is clipped.
    """

    def __init__(self, config: UnetConfig) -> None:
        super().__init__()
        self.config, widths = config, config.widths
        self.time_rel_pos_bias = RelativeBias(config.heads)
        inputs = 4 if config.holes else 3
        self.init_conv = nn.Conv3d(inputs, config.dim, (1, 7, 7), padding=(0, 3, 3))
        self.init_temporal_attn = over_time(config, config.dim)
        levels = list(pairwise(widths))
        self.downs, self.ups = nn.ModuleList(), nn.ModuleList()
        for level, (inner, outer) in enumerate(levels, start=1):
            resampled = nn.Conv3d(outer, outer, (1, 4, 4), (1, 2, 2), (0, 1, 1))
            last = level == len(levels)
            self.downs.append(
                build_stream(config, inner, outer, nn.Identity() if last else resampled)
            )
        self.mid_block1 = ResnetBlock(widths[-1], widths[-1])
        full = Attention(widths[-1], config.heads, config.head_width, rotary=False)
        self.mid_spatial_attn = Residual(PreNorm(widths[-1], OverSpace(full)))
        self.mid_temporal_attn = over_time(config, widths[-1])
        self.mid_block2 = ResnetBlock(widths[-1], widths[-1])
        for level, (inner, outer) in enumerate(reversed(levels), start=1):
            upsampled = nn.ConvTranspose3d(inner, inner, (1, 4, 4), (1, 2, 2), (0, 1, 1))
            last = level == len(levels)
            self.ups.append(
                build_stream(config, 2 * outer, inner, nn.Identity() if last else upsampled)
            )
        self.final_conv = build_output(config)

    def forward(self, x: Tensor, holes: Tensor | None = None) -> Tensor:
        x = add_holes(self.config, x, holes)
        bias = self.time_rel_pos_bias(x.shape[2], x.device)
        h = stem = self.init_temporal_attn(self.init_conv(x), bias)
        skips: list[Tensor] = []
        for block1, block2, spatial, temporal, down in list_parts(self.downs):
            h = temporal(spatial(block2(block1(h))), bias)
            skips.append(h)
            h = down(h)
        h = self.mid_temporal_attn(self.mid_spatial_attn(self.mid_block1(h)), bias)
        h = self.mid_block2(h)
        for block1, block2, spatial, temporal, up in list_parts(self.ups):
            h = block2(block1(torch.cat([h, skips.pop()], dim=1)))
            h = up(temporal(spatial(h), bias))
        return finish(self.config, x, self.final_conv(torch.cat([h, stem], dim=1)))


def add_holes(config: UnetConfig, x: Tensor, holes: Tensor | None) -> Tensor:
    """The clips with their holes as a fourth channel, if the network has one for them."""
    if not config.holes:
        return x
    return torch.cat([x, torch.zeros_like(x[:, :1]) if holes is None else holes.to(x)], dim=1)


def over_time(config: UnetConfig, channels: int) -> Residual:
    """Attention of each pixel among its frames, with rotary positions."""
    attention = Attention(channels, config.heads, config.head_width, rotary=True)
    return Residual(PreNorm(channels, OverTime(attention)))


def over_space(config: UnetConfig, channels: int) -> Residual:
    """Linear attention among each frame's pixels."""
    return Residual(PreNorm(channels, LinearAttention(channels, config.heads, config.head_width)))


def build_output(config: UnetConfig) -> nn.Sequential:
    """The last ResNet block, of features and stem, and the convolution to three channels."""
    last = nn.Conv3d(config.dim, 3, 1)
    if config.residual:
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)  # type: ignore[arg-type]
    return nn.Sequential(ResnetBlock(2 * config.dim, config.dim), last)


def finish(config: UnetConfig, x: Tensor, out: Tensor) -> Tensor:
    """The clip less what the network found wrong; without `residual` all of its own making."""
    return x[:, :3] - out if config.residual else out.sigmoid()


def build_stream(
    config: UnetConfig, inputs: int, outputs: int, *behind: nn.Module
) -> nn.ModuleList:
    """Two ResNet blocks, attention over space and over time, and what comes behind them."""
    blocks = ResnetBlock(inputs, outputs), ResnetBlock(outputs, outputs)
    attention = over_space(config, outputs), over_time(config, outputs)
    return nn.ModuleList([*blocks, *attention, *behind])


def list_parts(levels: nn.ModuleList) -> list[list[nn.Module]]:
    """The modules of each level, in order."""
    return [list(level.children()) for level in levels]
