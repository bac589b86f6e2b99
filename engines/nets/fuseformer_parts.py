"""Parts of FuseFormer (Liu et al. 2021): its encoder, soft split and composition, fusion blocks.

Parameters have the published names.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

KERNEL, STRIDE, PADDING = 7, 3, 3  # of the overlapping patches
CHANNELS, FUSED = 128, 40  # of the encoder's features; of a patch's pixels in a fusion block
SLOPE = 0.2
# Inputs, outputs, stride and groups of the encoder's convolutions; from the sixth on the fourth's
# output is fed in again, group by group.
ENCODER = (
    (3, 64, 2, 1), (64, 64, 1, 1), (64, 128, 2, 1), (128, 256, 1, 1), (256, 384, 1, 1),
    (640, 512, 1, 2), (768, 384, 1, 4), (640, 256, 1, 8), (512, 128, 1, 1),
)  # fmt: skip
FED = 5

Size = tuple[int, int]


def count_patches(size: Size) -> Size:
    """Rows and columns of patches of a feature map."""
    rows, columns = ((side + 2 * PADDING - KERNEL) // STRIDE + 1 for side in size)
    return rows, columns


class Encoder(nn.Module):
    """Frames (N, 3, H, W) to features (N, 128, H / 4, W / 4)."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList()
        for inputs, outputs, stride, groups in ENCODER:
            conv = nn.Conv2d(inputs, outputs, 3, stride, padding=1, groups=groups)
            self.layers += [conv, nn.LeakyReLU(SLOPE)]

    def forward(self, x: Tensor) -> Tensor:
        middle = x
        for place, (_, _, _, groups) in enumerate(ENCODER):
            if place == FED - 1:
                middle = x
            if place >= FED:
                parts = [each.unflatten(1, (groups, -1)) for each in (middle, x)]
                x = torch.cat(parts, dim=2).flatten(1, 2)
            x = self.layers[2 * place + 1](self.layers[2 * place](x))
        return x


class SoftSplit(nn.Module):
    """Features (N, 128, h, w) as tokens of overlapping patches, (N, patches, hidden)."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.embedding = nn.Linear(KERNEL**2 * CHANNELS, hidden)

    def forward(self, x: Tensor) -> Tensor:
        patches = functional.unfold(x, KERNEL, padding=PADDING, stride=STRIDE)
        return self.embedding(patches.transpose(1, 2))


class SoftComposition(nn.Module):
    """Tokens back to features: patches add up where they overlap, and each place has a bias."""

    def __init__(self, hidden: int, size: Size) -> None:
        super().__init__()
        self.size = size
        self.embedding = nn.Linear(hidden, KERNEL**2 * CHANNELS)
        self.bias = nn.Parameter(torch.zeros(CHANNELS, *size))

    def forward(self, x: Tensor) -> Tensor:
        patches = self.embedding(x).transpose(1, 2)
        return fold_patches(patches, self.size) + self.bias


class Positions(nn.Module):
    """A learned position for each patch of a frame."""

    def __init__(self, patches: int, hidden: int) -> None:
        super().__init__()
        self.pos_emb = nn.Parameter(torch.randn(1, 1, patches, hidden) * 0.02)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.pos_emb


class Attention(nn.Module):
    """Attention among all tokens (B, n, hidden) of all frames."""

    def __init__(self, hidden: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query_embedding = nn.Linear(hidden, hidden)
        self.value_embedding = nn.Linear(hidden, hidden)
        self.key_embedding = nn.Linear(hidden, hidden)
        self.output_linear = nn.Linear(hidden, hidden)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (
            embed(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for embed in (self.query_embedding, self.key_embedding, self.value_embedding)
        )
        attended = functional.scaled_dot_product_attention(q, k, v)
        return self.output_linear(attended.transpose(1, 2).flatten(2))


class FusionFeedForward(nn.Module):
    """A feed-forward whose inner tokens are patches of 40 channels, averaged where they overlap."""

    def __init__(self, hidden: int, size: Size) -> None:
        super().__init__()
        self.size, inner = size, FUSED * KERNEL**2
        self.conv1 = nn.Sequential(nn.Linear(hidden, inner))
        # The identity has dropout's place: `conv2.2` must be the name of the linear layer.
        self.conv2 = nn.Sequential(nn.ReLU(), nn.Identity(), nn.Linear(inner, hidden))

    def forward(self, x: Tensor) -> Tensor:
        patches = self.conv1(x).unflatten(1, (-1, math.prod(count_patches(self.size))))
        frames = patches.flatten(0, 1).transpose(1, 2)
        # How many patches hold each place.
        counts = fold_patches(torch.ones_like(frames[:1, : KERNEL**2]), self.size)
        mean = fold_patches(frames, self.size) / counts
        again = functional.unfold(mean, KERNEL, padding=PADDING, stride=STRIDE).transpose(1, 2)
        return self.conv2(again.reshape(len(x), -1, again.shape[-1]))


class FusionBlock(nn.Module):
    """A transformer block: attention and the fusion feed-forward, each after a layer norm."""

    def __init__(self, hidden: int, heads: int, size: Size) -> None:
        super().__init__()
        self.attention = Attention(hidden, heads)
        self.ffn = FusionFeedForward(hidden, size)
        self.norm1, self.norm2 = nn.LayerNorm(hidden), nn.LayerNorm(hidden)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.norm1(x))
        return x + self.ffn(self.norm2(x))


class Doubled(nn.Module):
    """A convolution of features that were doubled in size, bilinearly with corners aligned."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        doubled = functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)
        return self.conv(doubled)


def fold_patches(patches: Tensor, size: Size) -> Tensor:
    """(N, channels x 49, patches) added up to (N, channels, h, w)."""
    return functional.fold(patches, size, KERNEL, padding=PADDING, stride=STRIDE)
