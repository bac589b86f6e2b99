"""RAGME's injection (the paper's infuser): what clips add to the UNet's features at each site."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from engines.nets.controller_config import ControllerConfig
from engines.nets.layers import Attention, FeedForward, encode_positions
from engines.nets.norms import DenoisingStep, build_norm

ClipContext = tuple[Tensor, ...]


class CrossAttentionBlock(nn.Module):
    """A transformer block with the features as queries and the clips' tokens as keys.

    With Z the tokens and t the step: U = Q + Attn1(Norm1(Q, t), Z), V = U + Attn2(Norm2(U, t), Z),
    and the output is V + FF(Norm3(V)). Attn1 is self-attention unless `only_cross_attention`.
    """

    def __init__(self, config: ControllerConfig, channels: int) -> None:
        super().__init__()
        self.config, self.among_clips = config, config.only_cross_attention
        self.norm1, self.norm2 = build_norm(config, channels), build_norm(config, channels)
        self.attn1 = Attention(channels, config.cin if self.among_clips else channels)
        self.attn2 = Attention(channels, config.cin)
        self.norm3 = nn.LayerNorm(channels)
        self.ff = FeedForward(channels)

    def precompute_context(self, clips: Tensor) -> ClipContext:
        """Keys and values of tokens (B, n, cin), which no timestep changes."""
        first = self.attn1.precompute_context(clips) if self.among_clips else ()
        return (*first, *self.attn2.precompute_context(clips))

    def forward(
        self, x: Tensor, context: ClipContext, mask: Tensor | None, step: DenoisingStep
    ) -> Tensor:
        """Maps features (B, height, width, frames, C) to that shape."""
        code = self._encode_query_positions(x) if self.config.positions else None
        normed = _add_positions(self.norm1(x, step), code)
        if self.among_clips:
            x = x + self._attend_clips(self.attn1, normed, (context[0], context[1]), mask)
        else:
            frames = normed.flatten(0, 2)
            x = x + self.attn1(frames, self.attn1.precompute_context(frames)).view_as(x)
        normed = _add_positions(self.norm2(x, step), code)
        x = x + self._attend_clips(self.attn2, normed, (context[-2], context[-1]), mask)
        return x + self.ff(self.norm3(x))

    @staticmethod
    def _attend_clips(
        attention: Attention, x: Tensor, context: tuple[Tensor, Tensor], mask: Tensor | None
    ) -> Tensor:
        return attention(x.flatten(1, 3), context, mask).view(x.shape)

    def _encode_query_positions(self, x: Tensor) -> Tensor | None:
        """Position codes of the queries along the axes that are not averaged, if there are any."""
        where = () if self.config.spatial_average else x.shape[1:3]
        when = () if self.config.temporal_average else x.shape[3:4]
        axes = (*where, *when)
        return encode_positions(axes, x.shape[-1], x).view(1, *x.shape[1:]) if axes else None


def _add_positions(normed: Tensor, code: Tensor | None) -> Tensor:
    return normed if code is None else normed + code


class AdditionBlock(nn.Module):
    """Adds the clips' mean token to the features and applies two layers."""

    def __init__(self, config: ControllerConfig, channels: int) -> None:
        super().__init__()
        # One norm in three places, as in released checkpoints, where it has three names.
        shared = build_norm(config, channels)
        self.in_layer = nn.Linear(config.cin, channels)
        self.norm_in = shared
        twice = [(nn.Linear(channels, channels), nn.GELU(), shared) for _ in range(2)]
        self.body = nn.ModuleList([part for parts in twice for part in parts])

    def precompute_context(self, clips: Tensor) -> ClipContext:
        """The mean of tokens (B, n, cin) as (B, 1, 1, 1, C)."""
        return (self.in_layer(clips.mean(dim=1))[:, None, None, None],)

    def forward(
        self, x: Tensor, context: ClipContext, mask: Tensor | None, step: DenoisingStep
    ) -> Tensor:
        """Maps features (B, height, width, frames, C) to that shape."""
        x = self.norm_in(context[0], step) + x
        for first in (0, 3):
            x = self.body[first + 2](functional.gelu(self.body[first](x)), step)
        return x


class InjectionBlocks(nn.Module):
    """A block and a zero-initialised convolution for every injection site."""

    def __init__(self, config: ControllerConfig) -> None:
        super().__init__()
        self.config = config
        block = AdditionBlock if config.mode == "add" else CrossAttentionBlock
        self.zero_convs = nn.ModuleList([nn.Conv2d(c, c, 1) for c in config.channels])
        self.blocks = nn.ModuleList([block(config, c) for c in config.channels])
        # Training starts from the unchanged UNet.
        for parameter in self.zero_convs.parameters():
            nn.init.zeros_(parameter)

    def precompute_context(self, clips: Tensor) -> Sequence[ClipContext]:
        """What each site needs from tokens (B, n, cin), which no timestep changes."""
        methods: list[Any] = [block.precompute_context for block in self.blocks]
        return [precompute(clips) for precompute in methods]

    def compute_residual(
        self, site: int, h: Tensor, context: ClipContext, mask: Tensor | None, step: DenoisingStep
    ) -> Tensor:
        """The residual of features (B, T, C, H, W): of that shape, with size 1 where averaged."""
        # Averages before the block, so that it runs on one query instead of T x H x W. Mode `add`
        # takes the mean over the picture and never over time, whatever the flags say.
        add = self.config.mode == "add"
        if self.config.spatial_average or add:
            h = h.mean(dim=(3, 4), keepdim=True)
        if self.config.temporal_average and not add:
            h = h.mean(dim=1, keepdim=True)
        queries = h.permute(0, 3, 4, 1, 2).contiguous()
        residual = self.blocks[site](queries, context, mask, step).permute(0, 3, 4, 1, 2)
        gated = self.zero_convs[site](residual.flatten(0, 1).contiguous())
        return gated.unflatten(0, residual.shape[:2])


def average_clips(clips: Tensor, present: Tensor | None) -> Tensor:
    """(B, n, C) mean of tokens (B, K, n, C) over the clips that are `present` (B, K) bool."""
    if present is None:
        return clips.mean(dim=1)
    weight = present.to(clips.dtype)[:, :, None, None]
    return (clips * weight).sum(dim=1) / weight.sum(dim=1).clamp(min=1)
