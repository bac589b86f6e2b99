"""REGIS-VQ: VideoGPT's autoencoder (Yan et al. 2021), which quantises videos in space and time."""

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional

from engines.nets.video_vq_parts import (
    AttentionResidual,
    Codebook,
    Quantised,
    SameConv,
    SameTransposedConv,
    Triple,
    stride_at,
)


@dataclass(frozen=True)
class VqConfig:
    """Sizes of the autoencoder; the defaults are the published ones."""

    hidden: int = 240
    layers: int = 4
    width: int = 256
    codes: int = 2048
    downsample: Triple = (4, 4, 4)

    def __post_init__(self) -> None:
        for factor in self.downsample:
            if factor < 1 or factor & (factor - 1):
                raise ValueError(f"downsample {self.downsample} is not of powers of two")
        if max(self.downsample) < 2:
            raise ValueError("downsample (1, 1, 1) has no convolution: use 2 or more on some axis")

    @property
    def levels(self) -> int:
        """How many convolutions halve an axis."""
        return max(self.downsample).bit_length() - 1


class VqAutoencoder(nn.Module):
    """Maps clips (B, 3, T, H, W) in -0.5 to 0.5 to such clips, by one of the codes per cell."""

    def __init__(self, config: VqConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder, self.decoder = Encoder(config), Decoder(config)
        self.pre_vq_conv = SameConv(config.hidden, config.width, 1)
        self.post_vq_conv = SameConv(config.width, config.hidden, 1)
        self.codebook = Codebook(config.codes, config.width)

    def forward(self, x: Tensor) -> tuple[Tensor, Quantised]:
        """The clip decoded, and what it was quantised to."""
        quantised = self.codebook(self.pre_vq_conv(self.encoder(x)))
        return self.decoder(self.post_vq_conv(quantised.embeddings)), quantised


class Encoder(nn.Module):
    """Convolutions that halve axes, then attention blocks."""

    def __init__(self, config: VqConfig) -> None:
        super().__init__()
        hidden = config.hidden
        self.convs = nn.ModuleList(
            SameConv(hidden if level else 3, hidden, 4, stride_at(level, config.downsample))
            for level in range(config.levels)
        )
        # Published code takes its width from the loop, which breaks with a single level.
        self.conv_last = SameConv(hidden, hidden, 3)
        self.res_stack = build_stack(config)

    def forward(self, x: Tensor) -> Tensor:
        for conv in self.convs:
            x = functional.relu(conv(x))
        return self.res_stack(self.conv_last(x))


class Decoder(nn.Module):
    """Attention blocks, then convolutions that double axes."""

    def __init__(self, config: VqConfig) -> None:
        super().__init__()
        self.res_stack, last = build_stack(config), config.levels - 1
        self.convts = nn.ModuleList(
            SameTransposedConv(
                config.hidden, 3 if level == last else config.hidden, 4,
                stride_at(level, config.downsample),
            )
            for level in range(config.levels)
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        x = self.res_stack(x)
        for level, convt in enumerate(self.convts):
            x = convt(functional.relu(x) if level else x)
        return x


def build_stack(config: VqConfig) -> nn.Sequential:
    """The attention blocks of one side, with batch norm and ReLU behind them."""
    blocks = [AttentionResidual(config.hidden) for _ in range(config.layers)]
    return nn.Sequential(*blocks, nn.BatchNorm3d(config.hidden), nn.ReLU())
