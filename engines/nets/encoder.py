"""RAGME's temporal encoder: frame vectors of clips to the tokens that the infuser attends to."""

import torch
from torch import Tensor, nn

from engines.nets.controller_config import Tokens
from engines.nets.layers import Attention, FeedForward, positions


class Layer(nn.Module):
    """Self-attention and a feed-forward, each after a layer norm and beside a short cut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(channels)
        self.attn1 = Attention(channels, channels)
        self.norm3 = nn.LayerNorm(channels)
        self.ff = FeedForward(channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, n, C) of (B, n, C)."""
        normed = self.norm1(x)
        x = x + self.attn1(normed, self.attn1.remember(normed))
        return x + self.ff(self.norm3(x))


def encoded(tokens: Tensor, body: nn.ModuleList, cls: Tensor | None, give: Tokens) -> Tensor:
    """(B, K, n, C) of frame vectors (B, K, F, C), each clip by itself: n is 1, or F for `all`."""
    clips = tokens.flatten(0, 1)
    if cls is not None:
        clips = torch.cat([cls.expand(len(clips), -1, -1), clips], dim=1)
    for layer in body:
        clips = layer(clips)
    if give == "cls":
        clips = clips[:, :1]
    elif give == "mean":
        clips = clips.mean(dim=1, keepdim=True)
    return clips.unflatten(0, tokens.shape[:2])


def ordered(tokens: Tensor) -> Tensor:
    """Frame vectors with a unit vector added that says when in its clip a frame is."""
    count, channels = tokens.shape[-2:]
    return tokens + positions((count,), channels, tokens) * channels**-0.5
