"""Parts of VideoGPT's autoencoder: SAME convolutions, axial attention, the codebook.

Parameters have the published names (Yan et al. 2021).
"""

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from engines.nets.noise import draw_noise, draw_order

Triple = tuple[int, int, int]
HEADS, DECAY, COMMITMENT = 2, 0.99, 0.25


class SameConv(nn.Module):
    """A convolution whose output is its input's size by the stride; an odd zero goes in front."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: Triple = (1, 1, 1), bias: bool = True
    ) -> None:
        super().__init__()
        self.sides = same_padding(kernel, stride)
        self.conv = nn.Conv3d(inputs, outputs, kernel, stride, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(functional.pad(x, self.sides))


class SameTransposedConv(nn.Module):
    """A transposed convolution whose output is its input's size times the stride."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: Triple) -> None:
        super().__init__()
        self.sides = same_padding(kernel, stride)
        self.convt = nn.ConvTranspose3d(inputs, outputs, kernel, stride, padding=kernel - 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.convt(functional.pad(x, self.sides))


def same_padding(kernel: int, stride: Triple) -> list[int]:
    """Zeros before and after each axis, the last axis first, as torch pads."""
    totals = [kernel - step for step in reversed(stride)]
    return [zeros for total in totals for zeros in (total // 2 + total % 2, total // 2)]


class AxisAttention(nn.Module):
    """Attention with 2 heads along one axis of (B, T, H, W, C)."""

    def __init__(self, channels: int, axis: int) -> None:
        super().__init__()
        self.axis = axis
        self.w_qs = nn.Linear(channels, channels, bias=False)
        self.w_ks = nn.Linear(channels, channels, bias=False)
        self.w_vs = nn.Linear(channels, channels, bias=False)
        self.fc = nn.Linear(channels, channels)
        for projection in (self.w_qs, self.w_ks, self.w_vs, self.fc):
            nn.init.normal_(projection.weight, std=channels**-0.5)

    def forward(self, x: Tensor) -> Tensor:
        rows = x.movedim(self.axis, -2)
        # (B, …, heads, n, C / heads): all positions but the axis are a batch.
        q, k, v = (
            project(rows).unflatten(-1, (HEADS, -1)).transpose(-3, -2)
            for project in (self.w_qs, self.w_ks, self.w_vs)
        )
        attended = functional.scaled_dot_product_attention(q, k, v)
        return self.fc(attended.transpose(-3, -2).flatten(-2)).movedim(-2, self.axis)


class AxialAttention(nn.Module):
    """The sum of attention along width, height and time, of (B, C, T, H, W)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.attn_w = AxisAttention(channels, -2)
        self.attn_h = AxisAttention(channels, -3)
        self.attn_t = AxisAttention(channels, -4)

    def forward(self, x: Tensor) -> Tensor:
        last = x.movedim(1, -1)
        return (self.attn_w(last) + self.attn_h(last) + self.attn_t(last)).movedim(-1, 1)


class AttentionResidual(nn.Module):
    """Two convolutions and axial attention, each after batch norm and ReLU, added to the input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.block = nn.Sequential(
            nn.BatchNorm3d(channels), nn.ReLU(), SameConv(channels, half, 3, bias=False),
            nn.BatchNorm3d(half), nn.ReLU(), SameConv(half, channels, 1, bias=False),
            nn.BatchNorm3d(channels), nn.ReLU(), AxialAttention(channels),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return x + self.block(x)


@dataclass(frozen=True)
class Quantised:
    """Codes in place of vectors: `embeddings` as these were shaped, `codes` (B, T, H, W)."""

    embeddings: Tensor
    codes: Tensor
    commitment: Tensor


class Codebook(nn.Module):
    """The nearest of some codes for each vector; in training codes are means of their vectors.

    Codes that are hardly used are replaced by vectors of the batch (van den Oord et al. 2017, app.
    A.1; Dhariwal et al. 2020).
    """

    embeddings: Tensor
    N: Tensor
    z_avg: Tensor

    def __init__(self, codes: int, width: int) -> None:
        super().__init__()
        self.register_buffer("embeddings", torch.randn(codes, width))
        self.register_buffer("N", torch.zeros(codes))
        self.register_buffer("z_avg", self.embeddings.clone())

    def forward(self, z: Tensor) -> Quantised:
        """Quantises (B, C, T, H, W); gradients go through to `z` as if it were not."""
        vectors = z.movedim(1, -1).flatten(0, -2).to(self.embeddings.dtype)
        # By the codebook itself, not by a flag: a training that is resumed does not start over.
        if self.training and not self.N.any():
            self._start(vectors)
        # A code's square and the product decide; half precision would confuse near codes.
        with torch.autocast("cuda" if z.is_cuda else "cpu", enabled=False):
            products = vectors @ self.embeddings.T
        codes = (self.embeddings.square().sum(1) - 2 * products).argmin(1)
        nearest = self.look_up(codes.view(z.shape[0], *z.shape[2:]))
        commitment = COMMITMENT * functional.mse_loss(z.to(nearest.dtype), nearest)
        if self.training:
            self._learn(vectors.detach(), codes)
        through = (nearest - z).detach() + z
        return Quantised(through, codes.view(z.shape[0], *z.shape[2:]), commitment)

    def look_up(self, codes: Tensor) -> Tensor:
        """The vectors of (B, T, H, W) codes, (B, C, T, H, W)."""
        return functional.embedding(codes, self.embeddings).movedim(-1, 1)

    @torch.no_grad()
    def _start(self, vectors: Tensor) -> None:
        first = self._draw(vectors)
        self.embeddings.copy_(first)
        self.z_avg.copy_(first)
        self.N.fill_(1)

    @torch.no_grad()
    def _learn(self, vectors: Tensor, codes: Tensor) -> None:
        counts = torch.bincount(codes, minlength=len(self.N)).to(vectors.dtype)
        sums = torch.zeros_like(self.z_avg).index_add_(0, codes, vectors)
        self.N.mul_(DECAY).add_(counts, alpha=1 - DECAY)
        self.z_avg.mul_(DECAY).add_(sums, alpha=1 - DECAY)
        total = self.N.sum()
        # Laplace smoothing: a code without vectors must not be divided by zero.
        share = (self.N + 1e-7) / (total + len(self.N) * 1e-7) * total
        used = self.N[:, None] >= 1
        means = self.z_avg / share[:, None]
        self.embeddings.copy_(torch.where(used, means, self._draw(vectors)))

    def _draw(self, vectors: Tensor) -> Tensor:
        """As many random vectors as there are codes; with jitter where there are too few."""
        codes, width = self.embeddings.shape
        times = -(-codes // len(vectors))
        if times > 1:
            repeated = vectors.repeat(times, 1)
            vectors = repeated + draw_noise(repeated) * 0.01 * width**-0.5
        return vectors[draw_order(len(vectors), vectors.device)[:codes]]


def stride_at(level: int, downsample: Triple) -> Triple:
    """The stride of a level's convolution: 2 on each axis until it is downsampled enough."""
    return cast(Triple, tuple(2 if factor >> (level + 1) else 1 for factor in downsample))
