"""A RAGME controller: the temporal encoder and the injection blocks."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from data.errors import UserError
from engines.nets.controller_config import ControllerConfig
from engines.nets.encoder import EncoderLayer, add_frame_order, encode_clips
from engines.nets.injection import ClipContext, InjectionBlocks, average_clips
from engines.nets.norms import DenoisingStep


@dataclass(frozen=True)
class Conditioning:
    """The clips of B samples as each injection site uses them, at any timestep.

    `mask` (B, n) marks the keys of clips that are present, `live` (B,) the samples that have any
    clip; None means all.
    """

    sites: Sequence[ClipContext]
    mask: Tensor | None = None
    live: Tensor | None = None

    def repeat(self, times: int) -> "Conditioning":
        """The conditioning of a batch with every sample repeated, as in text guidance."""
        return Conditioning(
            [tuple(_repeat_batch(part, times) for part in context) for context in self.sites],
            None if self.mask is None else _repeat_batch(self.mask, times),
            None if self.live is None else _repeat_batch(self.live, times),
        )


def _repeat_batch(part: Tensor, times: int) -> Tensor:
    return part.repeat(times, *[1] * (part.dim() - 1))


class Controller(nn.Module):
    """RAGME's controller (arXiv 2504.06672); before training its residuals are exactly zero.

    Its parameters have the names and shapes of a released checkpoint, without the prefix.
    """

    cls_token: Tensor | None

    def __init__(self, config: ControllerConfig) -> None:
        super().__init__()
        if config.mode == "add" and config.tokens == "all":
            raise UserError("a controller of mode `add` takes one token per clip: `cls` or `mean`")
        self.config = config
        cls = nn.Parameter(torch.randn(1, 1, config.cin)) if config.tokens == "cls" else None
        self.register_parameter("cls_token", cls)
        self.body = nn.ModuleList([EncoderLayer(config.cin) for _ in range(config.layers)])
        self.infuser = InjectionBlocks(config)

    def encode(self, tokens: Tensor) -> Tensor:
        """(B, K, n, cin) tokens of frame vectors (B, K, F, cin); n is 1, or F with all tokens."""
        if self.config.positions:
            tokens = add_frame_order(tokens)
        return encode_clips(tokens, self.body, self.cls_token, self.config.tokens)

    def precompute_context(self, tokens: Tensor, present: Tensor | None = None) -> Conditioning:
        """The conditioning by frame vectors (B, K, F, cin), with `present` (B, K) bool (None: all).

        Absent clips have no effect; a sample without any clip has a residual of exactly zero.
        """
        if present is not None:  # an absent clip may contain NaN, and 0 x NaN is NaN
            tokens = torch.where(present[:, :, None, None], tokens, 0)
        clips = self.encode(tokens)
        live = None if present is None else present.any(dim=1)
        if self.config.mode == "add" or self.config.videos == "mean":
            return Conditioning(
                self.infuser.precompute_context(average_clips(clips, present)), None, live
            )
        sites, mask = self.infuser.precompute_context(clips.flatten(1, 2)), None
        if present is not None and live is not None:
            # Attention without any key is NaN: such samples see all keys, and `inject_residual`
            # drops the result.
            mask = (present | ~live[:, None]).repeat_interleave(clips.shape[2], dim=1)
        return Conditioning(sites, mask, live)

    def inject_residual(
        self, site: int, h: Tensor, frames: int, clips: Conditioning, step: DenoisingStep
    ) -> Tensor:
        """The features (B x frames, C, H, W) of a site plus the clips' residual."""
        features = h.unflatten(0, (-1, frames))
        residual = self.infuser.compute_residual(
            site, features, clips.sites[site], clips.mask, step
        )
        injected = features + residual
        if clips.live is not None:  # chosen, not multiplied by zero: the residual may be NaN
            injected = torch.where(clips.live.view(-1, 1, 1, 1, 1), injected, features)
        return injected.flatten(0, 1)
