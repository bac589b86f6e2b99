"""Layers of the encoder and the injection blocks, with diffusers' parameter names."""

import torch
from torch import Tensor, nn
from torch.nn import functional

HEADS = 8


class Attention(nn.Module):
    """Attention with 8 heads: queries of `channels`, tokens of `context` channels.

    Only the output projection has a bias.
    """

    def __init__(self, channels: int, context: int) -> None:
        super().__init__()
        self.to_q = nn.Linear(channels, channels, bias=False)
        self.to_k = nn.Linear(context, channels, bias=False)
        self.to_v = nn.Linear(context, channels, bias=False)
        self.to_out = nn.ModuleList([nn.Linear(channels, channels)])

    def precompute_context(self, context: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values, (B, heads, n, C / heads) each, of tokens (B, n, context)."""
        return _split_heads(self.to_k(context)), _split_heads(self.to_v(context))

    def forward(
        self, queries: Tensor, context: tuple[Tensor, Tensor], mask: Tensor | None = None
    ) -> Tensor:
        """Maps queries (B, m, C) to (B, m, C); keys where `mask` (B, n) is False are ignored."""
        keys, values = context
        # (B, 1, 1, n): the same keys for every head and query.
        key_mask = None if mask is None else mask[:, None, None, :]
        attended = functional.scaled_dot_product_attention(
            _split_heads(self.to_q(queries)), keys, values, attn_mask=key_mask
        )
        return self.to_out[0](attended.transpose(1, 2).flatten(2))


def _split_heads(tokens: Tensor) -> Tensor:
    return tokens.unflatten(2, (HEADS, -1)).transpose(1, 2)


class GatedProjection(nn.Module):
    """GEGLU (Shazeer 2020): one half of a projection times the GELU of the other."""

    def __init__(self, channels: int, inner: int) -> None:
        super().__init__()
        self.proj = nn.Linear(channels, 2 * inner)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (…, C) to (…, inner)."""
        value, gate = self.proj(x).chunk(2, dim=-1)
        return value * functional.gelu(gate)


class FeedForward(nn.Module):
    """A GEGLU feed-forward with an inner width of four times its channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        # The identity has dropout's place: `net.2` must be the name of the second linear layer.
        self.net = nn.Sequential(
            GatedProjection(channels, 4 * channels),
            nn.Identity(),
            nn.Linear(4 * channels, channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Maps (…, C) to (…, C)."""
        return self.net(x)


def encode_positions(counts: tuple[int, ...], channels: int, like: Tensor) -> Tensor:
    """Sine and cosine position codes (product of `counts`, channels) of the points of a grid.

    Each axis has an equal part of the channels, with 1 to 32 half turns over its length. Entries
    have a root mean square of one.
    """
    # Relative to the length, not per frame: a clip has the same codes at any frame rate.
    pairs = channels // (2 * len(counts))
    turns = torch.pi * 2 ** torch.linspace(0, 5, pairs, device=like.device)
    axes = [torch.arange(count, device=like.device) / count for count in counts]
    shares = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1).flatten(0, -2)
    angles = (shares[..., None] * turns).flatten(1)
    code = torch.cat([angles.sin(), angles.cos()], dim=1) * 2**0.5
    return functional.pad(code, (0, channels - code.shape[1])).to(like.dtype)
