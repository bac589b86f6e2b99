"""The encoder of VideoMAE v2 (Wang et al. 2023): a vision transformer over tubelets of a clip.

Parameters are named as in the released checkpoints.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

EPS = 1e-6


class TubeletEmbedding(nn.Module):
    """Embeds tubelets of `depth` frames and `patch` × `patch` pixels as tokens."""

    def __init__(self, width: int, patch: int, depth: int) -> None:
        super().__init__()
        cube = (depth, patch, patch)
        self.proj = nn.Conv3d(3, width, cube, stride=cube)

    def forward(self, clips: Tensor) -> Tensor:
        """Maps clips (B, 3, T, H, W) to tokens (B, n, width)."""
        return self.proj(clips).flatten(2).transpose(1, 2)


class Attention(nn.Module):
    """Self-attention with a bias for queries and values, but not for keys."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.q_bias = nn.Parameter(torch.zeros(width))
        self.v_bias = nn.Parameter(torch.zeros(width))
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        # A bias of the keys would shift all scores of a query alike, which soft-max ignores.
        bias = torch.cat([self.q_bias, torch.zeros_like(self.q_bias), self.v_bias])
        qkv = functional.linear(x, self.qkv.weight, bias).unflatten(2, (3, self.heads, -1))
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        return self.proj(
            functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        )


class Mlp(nn.Module):
    """Two linear layers with a GELU between them."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(width, inner), nn.Linear(inner, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(functional.gelu(self.fc1(x)))


class Block(nn.Module):
    """A pre-norm transformer block: attention and an MLP, each with a residual."""

    def __init__(self, width: int, heads: int, inner: int) -> None:
        super().__init__()
        self.norm1, self.attn = nn.LayerNorm(width, EPS), Attention(width, heads)
        self.norm2, self.mlp = nn.LayerNorm(width, EPS), Mlp(width, inner)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class VideoTransformer(nn.Module):
    """Maps clips (B, 3, T, H, W) to class logits; position codes are fixed sines."""

    def __init__(
        self, width: int, blocks: int, heads: int, inner: int, patch: int, depth: int, classes: int
    ) -> None:
        super().__init__()
        self.patch_embed = TubeletEmbedding(width, patch, depth)
        self.blocks = nn.ModuleList([Block(width, heads, inner) for _ in range(blocks)])
        self.fc_norm = nn.LayerNorm(width, EPS)
        self.head = nn.Linear(width, classes)

    def extract_features(self, clips: Tensor) -> Tensor:
        """(B, width) features: the mean of the tokens, normalised."""
        x = self.patch_embed(clips)
        x = x + _encode_positions(x.shape[1], x.shape[2]).to(x)
        for block in self.blocks:
            x = block(x)
        return self.fc_norm(x.mean(dim=1))

    def forward(self, clips: Tensor) -> Tensor:
        """(B, classes) logits."""
        return self.head(self.extract_features(clips))


def _encode_positions(count: int, width: int) -> Tensor:
    """(count, width) position codes of Vaswani et al. 2017, alternating sines and cosines."""
    # In float64, as the released code computes them in numpy.
    position = torch.arange(count, dtype=torch.float64)[:, None]
    rate = 10000 ** (2 * (torch.arange(width) // 2).double() / width)
    angles = position / rate
    angles[:, 0::2], angles[:, 1::2] = angles[:, 0::2].sin(), angles[:, 1::2].cos()
    return angles
