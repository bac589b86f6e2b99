"""The layers that the encoder and the infuser are made of, with diffusers' parameter names."""

import torch
from torch import Tensor, nn
from torch.nn import functional

HEADS = 8


class Attention(nn.Module):
    """Attention of 8 heads from `channels` to tokens of `context`; only the output has a bias."""

    def __init__(self, channels: int, context: int) -> None:
        super().__init__()
        self.to_q = nn.Linear(channels, channels, bias=False)
        self.to_k = nn.Linear(context, channels, bias=False)
        self.to_v = nn.Linear(context, channels, bias=False)
        self.to_out = nn.ModuleList([nn.Linear(channels, channels)])

    def remember(self, context: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values (B, heads, n, C / heads) of tokens (B, n, context)."""
        return _heads(self.to_k(context)), _heads(self.to_v(context))

    def forward(
        self, queries: Tensor, remembered: tuple[Tensor, Tensor], mask: Tensor | None = None
    ) -> Tensor:
        """(B, m, C) of queries (B, m, C); keys where `mask` (B, n) is False are left out."""
        keys, values = remembered
        said = None if mask is None else mask[:, None, None, :]
        found = functional.scaled_dot_product_attention(
            _heads(self.to_q(queries)), keys, values, attn_mask=said
        )
        return self.to_out[0](found.transpose(1, 2).flatten(2))


def _heads(tokens: Tensor) -> Tensor:
    return tokens.unflatten(2, (HEADS, -1)).transpose(1, 2)


class Gate(nn.Module):
    """GEGLU: one half of a projection times the GELU of the other."""

    def __init__(self, channels: int, inner: int) -> None:
        super().__init__()
        self.proj = nn.Linear(channels, 2 * inner)

    def forward(self, x: Tensor) -> Tensor:
        """(…, inner) of (…, C)."""
        value, gate = self.proj(x).chunk(2, dim=-1)
        return value * functional.gelu(gate)


class FeedForward(nn.Module):
    """GEGLU, four times as wide inside."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.net = nn.Sequential(
            Gate(channels, 4 * channels), nn.Identity(), nn.Linear(4 * channels, channels)
        )

    def forward(self, x: Tensor) -> Tensor:
        """The shape it is given."""
        return self.net(x)


def positions(counts: tuple[int, ...], channels: int, like: Tensor) -> Tensor:
    """Sines and cosines (product of counts, channels) of where on a grid a point is.

    Each axis has an equal part of the channels, of 1 to 32 half turns over the axis's length,
    whatever its count: a moment is the same share of a clip at any rate of frames. Entries are of
    root mean square one.
    """
    pairs = channels // (2 * len(counts))
    turns = torch.pi * 2 ** torch.linspace(0, 5, pairs, device=like.device)
    axes = [torch.arange(count, device=like.device) / count for count in counts]
    shares = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1).flatten(0, -2)
    angles = (shares[..., None] * turns).flatten(1)
    code = torch.cat([angles.sin(), angles.cos()], dim=1) * 2**0.5
    return functional.pad(code, (0, channels - code.shape[1])).to(like.dtype)
