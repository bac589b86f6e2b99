"""Parts of the 3-D U-Net: ResNet blocks, attention over space and time, T5's relative bias.

Modules are nested as in the widespread port of Video Diffusion Models (Ho et al. 2022), so that
parameters have its names.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

GROUPS, BUCKETS, MAX_DISTANCE, ROTARY = 8, 32, 32, 32


class ConvBlock(nn.Module):
    """A convolution in space, GroupNorm of 8 groups, and SiLU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.proj = nn.Conv3d(inputs, outputs, (1, 3, 3), padding=(0, 1, 1))
        self.norm = nn.GroupNorm(GROUPS, outputs)

    def forward(self, x: Tensor) -> Tensor:
        # Frames as a batch of pictures: torch's 3-D kernel for a small clip by itself takes seven
        # times as long on a CPU.
        weight, bias = self.proj.weight[:, :, 0], self.proj.bias
        frames = functional.conv2d(x.transpose(1, 2).flatten(0, 1), weight, bias, padding=1)
        return functional.silu(self.norm(frames.unflatten(0, (len(x), -1)).transpose(1, 2)))


class ResnetBlock(nn.Module):
    """Two blocks, and a shortcut that is a 1x1x1 convolution where the widths differ."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.block1, self.block2 = ConvBlock(inputs, outputs), ConvBlock(outputs, outputs)
        self.res_conv = nn.Conv3d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.block2(self.block1(x)) + self.res_conv(x)


class ChannelNorm(nn.Module):
    """A layer norm over channels, with a gain and no bias."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(1, channels, 1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        # Channels last, where a norm is several times faster than along a strided axis.
        last = functional.layer_norm(x.movedim(1, -1), (x.shape[1],), self.gamma.flatten())
        return last.movedim(-1, 1)


class PreNorm(nn.Module):
    """A module that gets its input normalised."""

    def __init__(self, channels: int, fn: nn.Module) -> None:
        super().__init__()
        self.fn, self.norm = fn, ChannelNorm(channels)

    def forward(self, x: Tensor, *bias: Tensor) -> Tensor:
        return self.fn(self.norm(x), *bias)


class Residual(nn.Module):
    """A module that is added to its input."""

    def __init__(self, fn: nn.Module) -> None:
        super().__init__()
        self.fn = fn

    def forward(self, x: Tensor, *bias: Tensor) -> Tensor:
        return self.fn(x, *bias) + x


class Attention(nn.Module):
    """Attention among the rows of (…, n, C), without biases; with `rotary` they have positions."""

    def __init__(self, channels: int, heads: int, width: int, rotary: bool) -> None:
        super().__init__()
        self.heads, self.rotary = heads, rotary
        self.to_qkv = nn.Linear(channels, 3 * heads * width, bias=False)
        self.to_out = nn.Linear(heads * width, channels, bias=False)

    def forward(self, x: Tensor, bias: Tensor | None = None) -> Tensor:
        """Maps (N, n, C) to (N, n, C); `bias` (heads, n, n) is added to the similarities."""
        q, k, v = (
            part.unflatten(-1, (self.heads, -1)).transpose(-3, -2)
            for part in self.to_qkv(x).chunk(3, dim=-1)
        )
        if self.rotary:
            q, k = rotate_positions(q), rotate_positions(k)
        mask = None if bias is None else bias.to(q.dtype)
        attended = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return self.to_out(attended.transpose(-3, -2).flatten(-2))


class OverTime(nn.Module):
    """A module for each pixel's frames."""

    def __init__(self, fn: nn.Module) -> None:
        super().__init__()
        self.fn = fn

    def forward(self, x: Tensor, *bias: Tensor) -> Tensor:
        batch, height, width = x.shape[0], x.shape[3], x.shape[4]
        rows = x.permute(0, 3, 4, 2, 1).flatten(0, 2)
        return self.fn(rows, *bias).unflatten(0, (batch, height, width)).permute(0, 4, 3, 1, 2)


class OverSpace(nn.Module):
    """A module for each frame's pixels."""

    def __init__(self, fn: nn.Module) -> None:
        super().__init__()
        self.fn = fn

    def forward(self, x: Tensor) -> Tensor:
        batch, (height, width) = x.shape[0], x.shape[3:]
        rows = self.fn(x.permute(0, 2, 3, 4, 1).flatten(0, 1).flatten(1, 2))
        return rows.unflatten(1, (height, width)).unflatten(0, (batch, -1)).permute(0, 4, 1, 2, 3)


class LinearAttention(nn.Module):
    """Linear attention among each frame's pixels (Shen et al. 2021)."""

    def __init__(self, channels: int, heads: int, width: int) -> None:
        super().__init__()
        self.heads, self.scale = heads, width**-0.5
        self.to_qkv = nn.Conv2d(channels, 3 * heads * width, 1, bias=False)
        self.to_out = nn.Conv2d(heads * width, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        batch, size = x.shape[0], x.shape[3:]
        frames = x.transpose(1, 2).flatten(0, 1)
        q, k, v = (
            part.flatten(2).unflatten(1, (self.heads, -1))
            for part in self.to_qkv(frames).chunk(3, dim=1)
        )
        context = k.softmax(dim=-1) @ v.transpose(-1, -2)
        attended = context.transpose(-1, -2) @ (q.softmax(dim=-2) * self.scale)
        out = self.to_out(attended.flatten(1, 2).unflatten(2, size))
        return out.unflatten(0, (batch, -1)).transpose(1, 2)


class RelativeBias(nn.Module):
    """T5's bias by the distance of two frames (Raffel et al. 2020), a number per head."""

    def __init__(self, heads: int) -> None:
        super().__init__()
        self.relative_attention_bias = nn.Embedding(BUCKETS, heads)

    def forward(self, frames: int, device: torch.device) -> Tensor:
        """(heads, frames, frames), of queries by keys."""
        at = torch.arange(frames, device=device)
        return self.relative_attention_bias(_find_bucket(at[:, None] - at)).permute(2, 0, 1)


def _find_bucket(back: Tensor) -> Tensor:
    """The bucket of a distance, positive for keys before the query: exact when near, else log."""
    half = BUCKETS // 2
    exact, distance = half // 2, back.abs()
    far = torch.log(distance.clamp(min=1) / exact) / math.log(MAX_DISTANCE / exact)
    log = (exact + (far * (half - exact)).long()).clamp(max=half - 1)
    return torch.where(distance < exact, distance, log) + (back < 0) * half


def rotate_positions(x: Tensor) -> Tensor:
    """Rotary positions (Su et al. 2021) of (…, n, width), on its first 32 channels at most."""
    turned, dtype = min(ROTARY, x.shape[-1]), torch.promote_types(x.dtype, torch.float32)
    powers = torch.arange(0, turned, 2, device=x.device, dtype=dtype) / turned
    angles = torch.arange(x.shape[-2], device=x.device, dtype=dtype)[:, None] * 10_000**-powers
    # Pairs of neighbouring channels are complex numbers, turned by their frame's angles.
    pairs = x[..., :turned].to(dtype).unflatten(-1, (-1, 2)).contiguous()
    turns = torch.polar(torch.ones_like(angles), angles)
    rotated = torch.view_as_real(torch.view_as_complex(pairs) * turns).flatten(-2).to(x.dtype)
    return rotated if turned == x.shape[-1] else torch.cat([rotated, x[..., turned:]], dim=-1)
