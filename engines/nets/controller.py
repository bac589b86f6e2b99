"""A RAGME controller: encoder and infuser, and what a sample's clips come down to."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from data.errors import UserError
from engines.nets.controller_config import ControllerConfig
from engines.nets.encoder import Layer, encoded, ordered
from engines.nets.injection import Infuser, Remembered, averaged
from engines.nets.norms import Moment


@dataclass(frozen=True)
class Conditioning:
    """What the clips of B samples say at every site, whatever the timestep.

    `mask` (B, n) are the keys of clips that are present, `live` (B,) the samples that have any;
    None where all are and do.
    """

    sites: Sequence[Remembered]
    mask: Tensor | None = None
    live: Tensor | None = None

    def repeat(self, times: int) -> "Conditioning":
        """The same for a batch that holds the samples several times over."""
        return Conditioning(
            [tuple(_repeated(part, times) for part in said) for said in self.sites],
            None if self.mask is None else _repeated(self.mask, times),
            None if self.live is None else _repeated(self.live, times),
        )


def _repeated(part: Tensor, times: int) -> Tensor:
    return part.repeat(times, *[1] * (part.dim() - 1))


class Controller(nn.Module):
    """RAGME's controller (arXiv 2504.06672); untrained it adds exactly nothing.

    Its parameters have the names and shapes of a released checkpoint, less the prefix.
    """

    cls_token: Tensor | None

    def __init__(self, config: ControllerConfig) -> None:
        super().__init__()
        if config.mode == "add" and config.tokens == "all":
            raise UserError("a controller of mode `add` takes one token a clip: CLS, or the mean")
        self.config = config
        cls = nn.Parameter(torch.randn(1, 1, config.cin)) if config.tokens == "cls" else None
        self.register_parameter("cls_token", cls)
        self.body = nn.ModuleList([Layer(config.cin) for _ in range(config.layers)])
        self.infuser = Infuser(config)

    def encode(self, tokens: Tensor) -> Tensor:
        """(B, K, n, cin) of frame vectors (B, K, F, cin): n is 1, or F where all are given."""
        if self.config.positions:
            tokens = ordered(tokens)
        return encoded(tokens, self.body, self.cls_token, self.config.tokens)

    def remember(self, tokens: Tensor, present: Tensor | None = None) -> Conditioning:
        """What clips say: frame vectors (B, K, F, cin), `present` (B, K) bool (None: all).

        Absent clips are never looked at; a sample without any has a residual of exactly zero.
        """
        if present is not None:  # an absent clip may hold anything, and 0 x nan is nan
            tokens = torch.where(present[:, :, None, None], tokens, 0)
        clips = self.encode(tokens)
        live = None if present is None else present.any(dim=1)
        if self.config.mode == "add" or self.config.videos == "mean":
            return Conditioning(self.infuser.remember(averaged(clips, present)), None, live)
        said, mask = self.infuser.remember(clips.flatten(1, 2)), None
        if present is not None and live is not None:
            # Attention over no key at all is not a number: such samples look, and are not heard.
            mask = (present | ~live[:, None]).repeat_interleave(clips.shape[2], dim=1)
        return Conditioning(said, mask, live)

    def infuse(
        self, site: int, h: Tensor, frames: int, said: Conditioning, moment: Moment
    ) -> Tensor:
        """Features (B x frames, C, H, W) of a site, with what the clips add to them."""
        wide = h.unflatten(0, (-1, frames))
        told = self.infuser.residual(site, wide, said.sites[site], said.mask, moment)
        infused = wide + told
        if said.live is not None:
            infused = torch.where(said.live.view(-1, 1, 1, 1, 1), infused, wide)
        return infused.flatten(0, 1)
