"""RAGME's temporal encoder: from frame vectors of clips to the tokens that are injected."""

import torch
from torch import Tensor, nn

from engines.nets.controller_config import Tokens
from engines.nets.layers import Attention, FeedForward, encode_positions


class EncoderLayer(nn.Module):
    """A pre-norm transformer layer: self-attention and a feed-forward, each with a residual."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(channels)
        self.attn1 = Attention(channels, channels)
        self.norm3 = nn.LayerNorm(channels)
        self.ff = FeedForward(channels)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (B, n, C) to (B, n, C)."""
        normed = self.norm1(x)
        x = x + self.attn1(normed, self.attn1.precompute_context(normed))
        return x + self.ff(self.norm3(x))


def encode_clips(tokens: Tensor, body: nn.ModuleList, cls: Tensor | None, output: Tokens) -> Tensor:
    """(B, K, n, C) tokens of frame vectors (B, K, F, C), clip by clip; n is 1, or F for `all`."""
    # (B K, F, C): clips attend to their own frames only.
    clips = tokens.flatten(0, 1)
    if cls is not None:
        clips = torch.cat([cls.expand(len(clips), -1, -1), clips], dim=1)
    for layer in body:
        clips = layer(clips)
    if output == "cls":
        clips = clips[:, :1]
    elif output == "mean":
        clips = clips.mean(dim=1, keepdim=True)
    return clips.unflatten(0, tokens.shape[:2])


def add_frame_order(tokens: Tensor) -> Tensor:
    """Frame vectors (…, F, C) plus a unit-length position code of each frame in its clip."""
    # Without it the encoder cannot tell the order of frames, so not the direction of motion.
    count, channels = tokens.shape[-2:]
    return tokens + encode_positions((count,), channels, tokens) * channels**-0.5
