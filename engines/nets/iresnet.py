"""ArcFace's improved residual network, IResNet (Duta et al. 2020, Deng et al. 2019).

Modules are named as in published checkpoints.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from torch import Tensor, nn

STAGES = (1, 2, 3, 4)
REDUCTION = 16  # of a picture's side over the four stages


@dataclass(frozen=True, slots=True)
class Sizes:
    """Sizes of an IResNet; the defaults are those of the published IResNet-100."""

    stem: int = 64
    channels: tuple[int, ...] = (64, 128, 256, 512)
    blocks: tuple[int, ...] = (3, 13, 30, 3)
    side: int = 112
    features: int = 512


class Block(nn.Module):
    """A residual block of two convolutions, without an activation after the sum."""

    def __init__(self, channels: int, out: int, stride: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv1 = nn.Conv2d(channels, out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(out)
        self.prelu = nn.PReLU(out)
        self.conv2 = nn.Conv2d(out, out, 3, stride, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out)
        # Empty where shapes match: it then passes its input on and has no keys.
        self.downsample = nn.Sequential()
        if stride != 1 or channels != out:
            short = nn.Conv2d(channels, out, 1, stride, bias=False)
            self.downsample = nn.Sequential(short, nn.BatchNorm2d(out))

    def forward(self, x: Tensor) -> Tensor:
        """Maps (n, channels, h, w) to (n, out, h / stride, w / stride)."""
        y = self.prelu(self.bn2(self.conv1(self.bn1(x))))
        return self.bn3(self.conv2(y)) + self.downsample(x)


class IResNet(nn.Module):
    """Maps face pictures (n, 3, 112, 112) to vectors (n, 512), not normalised."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.side = sizes.side
        self.conv1 = nn.Conv2d(3, sizes.stem, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(sizes.stem)
        self.prelu = nn.PReLU(sizes.stem)
        before = (sizes.stem, *sizes.channels)
        for stage, channels, out, count in zip(
            STAGES, before, sizes.channels, sizes.blocks, strict=False
        ):
            rest = [Block(out, out, 1) for _ in range(count - 1)]
            self.add_module(f"layer{stage}", nn.Sequential(Block(channels, out, 2), *rest))
        last = sizes.channels[-1]
        self.bn2 = nn.BatchNorm2d(last)
        self.fc = nn.Linear(last * (sizes.side // REDUCTION) ** 2, sizes.features)
        self.features = nn.BatchNorm1d(sizes.features)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (n, 3, side, side) in [-1, 1] to (n, features)."""
        x = self.prelu(self.bn1(self.conv1(x)))
        for stage in STAGES:
            x = self.get_submodule(f"layer{stage}")(x)
        return self.features(self.fc(self.bn2(x).flatten(1)))


def read_sizes(shapes: Mapping[str, tuple[int, ...]]) -> Sizes:
    """The sizes of a checkpoint, from the shapes of its parameters."""
    channels = tuple(shapes[f"layer{stage}.0.conv1.weight"][0] for stage in STAGES)
    features, flat = shapes["fc.weight"]
    return Sizes(
        stem=shapes["conv1.weight"][0],
        channels=channels,
        blocks=tuple(_count_blocks(shapes, f"layer{stage}.") for stage in STAGES),
        side=round((flat / channels[-1]) ** 0.5) * REDUCTION,
        features=features,
    )


def _count_blocks(names: Iterable[str], stage: str) -> int:
    return sum(name.startswith(stage) and name.endswith(".conv1.weight") for name in names)
