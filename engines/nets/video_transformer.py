"""The encoder of VideoMAE v2: a plain vision transformer over cubes of a clip.

Wang et al. 2023; names of parameters as in the released checkpoints.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

EPS = 1e-6


class Cubes(nn.Module):
    """Cubes of two frames and `patch` × `patch` pixels as tokens."""

    def __init__(self, width: int, patch: int, depth: int) -> None:
        super().__init__()
        cube = (depth, patch, patch)
        self.proj = nn.Conv3d(3, width, cube, stride=cube)

    def forward(self, clips: Tensor) -> Tensor:
        return self.proj(clips).flatten(2).transpose(1, 2)


class Attention(nn.Module):
    """Self-attention; queries and values have a bias, keys have none."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.q_bias = nn.Parameter(torch.zeros(width))
        self.v_bias = nn.Parameter(torch.zeros(width))
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        bias = torch.cat([self.q_bias, torch.zeros_like(self.q_bias), self.v_bias])
        said = functional.linear(x, self.qkv.weight, bias).unflatten(2, (3, self.heads, -1))
        q, k, v = said.permute(2, 0, 3, 1, 4)
        return self.proj(
            functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        )


class Mlp(nn.Module):
    """Two layers with a GELU between."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(width, inner), nn.Linear(inner, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(functional.gelu(self.fc1(x)))


class Block(nn.Module):
    """Attention and a perceptron, each normalised before and added."""

    def __init__(self, width: int, heads: int, inner: int) -> None:
        super().__init__()
        self.norm1, self.attn = nn.LayerNorm(width, EPS), Attention(width, heads)
        self.norm2, self.mlp = nn.LayerNorm(width, EPS), Mlp(width, inner)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class VideoTransformer(nn.Module):
    """Clips (B, 3, T, H, W) to the classes that `head` knows; positions are sines, not learnt."""

    def __init__(
        self, width: int, blocks: int, heads: int, inner: int, patch: int, depth: int, classes: int
    ) -> None:
        super().__init__()
        self.patch_embed = Cubes(width, patch, depth)
        self.blocks = nn.ModuleList([Block(width, heads, inner) for _ in range(blocks)])
        self.fc_norm = nn.LayerNorm(width, EPS)
        self.head = nn.Linear(width, classes)

    def features(self, clips: Tensor) -> Tensor:
        """(B, width): the mean of the tokens, normalised."""
        x = self.patch_embed(clips)
        x = x + _sines(x.shape[1], x.shape[2]).to(x)
        for block in self.blocks:
            x = block(x)
        return self.fc_norm(x.mean(dim=1))

    def forward(self, clips: Tensor) -> Tensor:
        """(B, classes) logits."""
        return self.head(self.features(clips))


def _sines(count: int, width: int) -> Tensor:
    """(count, width) positions as of Vaswani et al. 2017, sines and cosines taking turns."""
    place = torch.arange(count, dtype=torch.float64)[:, None]
    rate = 10000 ** (2 * (torch.arange(width) // 2).double() / width)
    angles = place / rate
    angles[:, 0::2], angles[:, 1::2] = angles[:, 0::2].sin(), angles[:, 1::2].cos()
    return angles
