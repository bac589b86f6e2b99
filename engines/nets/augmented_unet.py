"""REGIS-U as its inpainter scripts train it: the U-Net with a second stream on the way up.

What the published network does is kept, with what is odd in it: attention between heads, batch norm
and dropout of a half. The plain `VideoUnet` with a residual output is the better one.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from engines.nets.video_unet import (
    UnetConfig,
    build_output,
    build_stream,
    finish,
    list_parts,
    over_time,
)
from engines.nets.video_unet_parts import (
    Attention,
    OverSpace,
    PreNorm,
    RelativeBias,
    Residual,
    ResnetBlock,
)

DROPOUT, SQUEEZE = 0.5, 8


class AugmentedUnet(nn.Module):
    """Maps clips (B, 3, T, H, W) in 0 to 1 to such clips.

    Every level has two skips, before and after its attention, and two streams that use them. The
    published sizes have neither a residual output nor a channel for holes.
    """

    def __init__(self, config: UnetConfig) -> None:
        super().__init__()
        if config.holes or config.residual:
            raise ValueError("an augmented U-Net has no residual output and no channel for holes")
        self.config, widths = config, config.widths
        self.time_rel_pos_bias = RelativeBias(config.heads)
        self.init_conv = nn.Conv3d(3, config.dim, (1, 7, 7), padding=(0, 3, 3))
        self.init_temporal_attn = over_time(config, config.dim)
        levels, mid = list(pairwise(widths)), widths[-1]
        self.downs, self.ups = nn.ModuleList(), nn.ModuleList()
        for inner, outer in levels[:-1]:
            down = nn.Conv3d(outer, outer, (1, 4, 4), (1, 2, 2), (0, 1, 1))
            resampled = nn.Sequential(down, ChannelCombiner(outer, outer))
            self.downs.append(build_stream(config, inner, outer, resampled))
        self.downs.append(build_stream(config, *levels[-1], nn.Identity()))
        self.mid_block1, self.mid_block2 = ResnetBlock(mid, mid), ResnetBlock(mid, mid)
        full = Attention(mid, config.heads, config.head_width, rotary=False)
        self.mid_spatial_attn = Residual(PreNorm(mid, OverSpace(full)))
        self.mid_temporal_attn = over_time(config, mid)
        self.mid_channel_attn = over_heads(config, mid)
        self.mid_combiner = ChannelCombiner(2 * mid, mid)
        for level, (inner, outer) in enumerate(reversed(levels), start=1):
            last = level == len(levels)
            up = nn.ConvTranspose3d(inner, inner, (1, 4, 4), (1, 2, 2), (0, 1, 1))
            self.ups.append(UpLevel(config, outer, inner, nn.Identity() if last else up))
        self.final_conv = build_output(config)

    def forward(self, x: Tensor) -> Tensor:
        bias = self.time_rel_pos_bias(x.shape[2], x.device)
        h = stem = self.init_temporal_attn(self.init_conv(x), bias)
        skips: list[tuple[Tensor, Tensor]] = []
        for block1, block2, spatial, temporal, down in list_parts(self.downs):
            before = block2(block1(h))
            after = temporal(spatial(before), bias)
            skips.append((before, after))
            h = down(after)
        h = self.mid_block1(h)
        attended = self.mid_temporal_attn(self.mid_spatial_attn(h), bias)
        h = self.mid_combiner(torch.cat([attended, self.mid_channel_attn(h)], dim=1))
        h = self.mid_block2(h)
        for up in self.ups:
            h = up(h, *skips.pop(), bias)
        return finish(self.config, x, self.final_conv(torch.cat([h, stem], dim=1)))


class UpLevel(nn.Module):
    """Two streams of a level on the way up, merged, and the upsampling."""

    def __init__(self, config: UnetConfig, inputs: int, outputs: int, up: nn.Module) -> None:
        super().__init__()
        self.spatial_stream = build_stream(config, 2 * inputs, outputs)
        self.channel_stream = nn.ModuleList(
            [ResnetBlock(2 * inputs, outputs), ResnetBlock(outputs, outputs),
             over_heads(config, outputs)]
        )  # fmt: skip
        self.combiner, self.up = ChannelCombiner(2 * outputs, outputs), up

    def forward(self, x: Tensor, before: Tensor, after: Tensor, bias: Tensor) -> Tensor:
        block1, block2, spatial, temporal = self.spatial_stream
        one = temporal(spatial(block2(block1(torch.cat([x, after], dim=1)))), bias)
        block1, block2, channels = self.channel_stream
        other = channels(block2(block1(torch.cat([x, before], dim=1))))
        return self.up(self.combiner(torch.cat([one, other], dim=1)))


class HeadAttention(nn.Module):
    """Attention between heads: for each channel of a head, which heads' voxels are alike.

    The published "SelfAttention3D" sums similarities over all voxels, so it mixes channels, and
    no place attends to another.
    """

    def __init__(self, channels: int, heads: int, width: int) -> None:
        super().__init__()
        self.heads, self.scale = heads, width**-0.5
        self.to_qkv = nn.Conv3d(channels, 3 * heads * width, 1, bias=False)
        self.to_out = nn.Conv3d(heads * width, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        # (B, channel of a head, heads, voxels): rows to compare are heads.
        q, k, v = (
            part.flatten(2).unflatten(1, (self.heads, -1)).transpose(1, 2)
            for part in self.to_qkv(x).chunk(3, dim=1)
        )
        weights = (q @ k.transpose(-1, -2) * self.scale).softmax(dim=-1)
        mixed = (weights @ v).transpose(1, 2).flatten(1, 2)
        return self.to_out(mixed.unflatten(2, x.shape[2:]))


class ChannelCombiner(nn.Module):
    """Merges channels by convolutions, a gate per voxel and dropout, beside a 1x1x1 shortcut."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv3d(inputs, inputs, 3, padding=1, groups=inputs)
        self.pointwise, self.bn1 = nn.Conv3d(inputs, outputs, 1), nn.BatchNorm3d(outputs)
        self.conv, self.bn2 = nn.Conv3d(outputs, outputs, 3, padding=1), nn.BatchNorm3d(outputs)
        self.gate = nn.Sequential(
            nn.Conv3d(outputs, outputs // SQUEEZE, 1), nn.ReLU(),
            nn.Conv3d(outputs // SQUEEZE, outputs, 1), nn.Sigmoid(),
        )  # fmt: skip
        self.shortcut, self.dropout = nn.Conv3d(inputs, outputs, 1), nn.Dropout(DROPOUT)

    def forward(self, x: Tensor) -> Tensor:
        h = self.bn1(functional.relu(self.pointwise(self.depthwise(x))))
        h = self.bn2(functional.relu(self.conv(h)))
        return self.dropout(h * self.gate(h)) + self.shortcut(x)


def over_heads(config: UnetConfig, channels: int) -> Residual:
    """Attention between heads, normalised and added as the others are."""
    return Residual(PreNorm(channels, HeadAttention(channels, config.heads, config.head_width)))
