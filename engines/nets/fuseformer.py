"""REGIS-Fuse: FuseFormer's generator, which fills holes from all frames, and its discriminator."""

import math
from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn.utils import spectral_norm

from engines.nets.fuseformer_parts import (
    CHANNELS,
    SLOPE,
    Doubled,
    Encoder,
    FusionBlock,
    Positions,
    Size,
    SoftComposition,
    SoftSplit,
    count_patches,
)

WIDTHS = (32, 64, 128, 128, 128, 128)  # of the discriminator


@dataclass(frozen=True)
class FuseConfig:
    """Sizes of a generator; `map` are height and width of the features, a fourth of a frame's.

    The defaults are the published ones, for frames of 240 x 432. The published GAN has hidden 1024,
    16 blocks, 8 heads and a map of 16 x 16.
    """

    hidden: int = 512
    blocks: int = 8
    heads: int = 4
    map: Size = (60, 108)

    def __post_init__(self) -> None:
        if self.hidden % self.heads:
            raise ValueError(f"hidden {self.hidden} is not a multiple of heads {self.heads}")

    @property
    def size(self) -> Size:
        """Height and width of a frame."""
        return 4 * self.map[0], 4 * self.map[1]


class FuseGenerator(nn.Module):
    """Maps clips (B, 3, T, H, W) in -1 to 1, 0 in their holes, to clips in -1 to 1."""

    def __init__(self, config: FuseConfig) -> None:
        super().__init__()
        self.config, hidden = config, config.hidden
        self.encoder = Encoder()
        self.ss = SoftSplit(hidden)
        self.add_pos_emb = Positions(math.prod(count_patches(config.map)), hidden)
        # Made anew for each: blocks in a default argument were shared by all that were published.
        self.transformer = nn.Sequential(
            *(FusionBlock(hidden, config.heads, config.map) for _ in range(config.blocks))
        )
        self.sc = SoftComposition(hidden, config.map)
        self.decoder = nn.Sequential(
            Doubled(CHANNELS, 128), nn.LeakyReLU(SLOPE),
            nn.Conv2d(128, 64, 3, padding=1), nn.LeakyReLU(SLOPE),
            Doubled(64, 64), nn.LeakyReLU(SLOPE),
            nn.Conv2d(64, 3, 3, padding=1),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        """A ValueError for frames of another size than the network's."""
        if x.shape[3:] != self.config.size:
            raise ValueError(f"frames of {tuple(x.shape[3:])}, not of {self.config.size}")
        batch = len(x)
        features = self.encoder(x.transpose(1, 2).flatten(0, 1))
        tokens = self.add_pos_emb(self.ss(features).unflatten(0, (batch, -1)))
        fused = self.transformer(tokens.flatten(1, 2)).view_as(tokens)
        out = self.decoder(features + self.sc(fused.flatten(0, 1)))
        return out.tanh().unflatten(0, (batch, -1)).transpose(1, 2)


class Discriminator(nn.Module):
    """Maps clips (B, 3, T, H, W) in -1 to 1 to scores, large for real ones; for the hinge loss."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for place, (inputs, outputs) in enumerate(zip((3, *WIDTHS), WIDTHS, strict=False)):
            last = place == len(WIDTHS) - 1
            padding = (1, 1, 1) if place == 0 else (1, 2, 2)
            conv = nn.Conv3d(inputs, outputs, (3, 5, 5), (1, 2, 2), padding, bias=last)
            # The older of torch's two, whose parameters have the published names.
            layers += [conv] if last else [spectral_norm(conv), nn.LeakyReLU(SLOPE)]
        self.conv = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)
