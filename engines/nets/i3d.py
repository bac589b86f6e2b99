"""I3D: Inception-v1 with kernels inflated over time (Carreira and Zisserman 2017).

Parameters are named as in the widespread PyTorch port, so that its checkpoints load.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

CLASSES, CHANNELS, MIN_FRAMES = 400, 1024, 9
SPACE = (1, 3, 3)
# Input channels, then the outputs of the branches: 1×1; 1×1, 3×3; 1×1, 3×3; pool, 1×1 (table 1 of
# GoogLeNet, Szegedy et al. 2015). Pools have kernel and stride.
BLOCKS = {
    "Mixed_3b": (192, (64, 96, 128, 16, 32, 32)),
    "Mixed_3c": (256, (128, 128, 192, 32, 96, 64)),
    "MaxPool3d_4a_3x3": ((3, 3, 3), (2, 2, 2)),
    "Mixed_4b": (480, (192, 96, 208, 16, 48, 64)),
    "Mixed_4c": (512, (160, 112, 224, 24, 64, 64)),
    "Mixed_4d": (512, (128, 128, 256, 24, 64, 64)),
    "Mixed_4e": (512, (112, 144, 288, 32, 64, 64)),
    "Mixed_4f": (528, (256, 160, 320, 32, 128, 128)),
    "MaxPool3d_5a_2x2": ((2, 2, 2), (2, 2, 2)),
    "Mixed_5b": (832, (256, 160, 320, 32, 128, 128)),
    "Mixed_5c": (832, (384, 192, 384, 48, 128, 128)),
}


class Unit(nn.Module):
    """A convolution with TensorFlow's SAME padding, batch norm and ReLU."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 1, stride: int = 1) -> None:
        super().__init__()
        self.conv3d = nn.Conv3d(inputs, outputs, kernel, stride, bias=False)
        # TensorFlow's epsilon, not torch's.
        self.bn = nn.BatchNorm3d(outputs, eps=1e-3, momentum=0.01)

    def forward(self, x: Tensor) -> Tensor:
        convolved = self.conv3d(_pad_same(x, self.conv3d.kernel_size, self.conv3d.stride))
        return functional.relu(self.bn(convolved))


class SamePool(nn.Module):
    """Max pooling with TensorFlow's SAME padding."""

    def __init__(self, kernel: tuple[int, ...], stride: tuple[int, ...]) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride

    def forward(self, x: Tensor) -> Tensor:
        # Zeros are harmless: inputs are rectified, so a zero never exceeds one of them.
        padded = _pad_same(x, self.kernel, self.stride)
        return functional.max_pool3d(padded, self.kernel, self.stride)


class Mixed(nn.Module):
    """An Inception block: four branches, concatenated."""

    def __init__(self, inputs: int, outputs: tuple[int, ...]) -> None:
        super().__init__()
        self.b0 = Unit(inputs, outputs[0])
        self.b1a, self.b1b = Unit(inputs, outputs[1]), Unit(outputs[1], outputs[2], 3)
        self.b2a, self.b2b = Unit(inputs, outputs[3]), Unit(outputs[3], outputs[4], 3)
        self.b3a, self.b3b = SamePool((3, 3, 3), (1, 1, 1)), Unit(inputs, outputs[5])

    def forward(self, x: Tensor) -> Tensor:
        first, second = self.b0(x), self.b1b(self.b1a(x))
        return torch.cat([first, second, self.b2b(self.b2a(x)), self.b3b(self.b3a(x))], dim=1)


class Logits(nn.Module):
    """A linear layer at every position, named as a unit in the checkpoints."""

    def __init__(self) -> None:
        super().__init__()
        self.conv3d = nn.Conv3d(CHANNELS, CLASSES, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv3d(x)


class I3D(nn.Module):
    """Maps clips (B, 3, T, 224, 224), -1 to 1, to Kinetics-400 logits; T is 9 or more."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv3d_1a_7x7 = Unit(3, 64, 7, 2)
        self.MaxPool3d_2a_3x3 = SamePool(SPACE, (1, 2, 2))
        self.Conv3d_2b_1x1 = Unit(64, 64)
        self.Conv3d_2c_3x3 = Unit(64, 192, 3)
        self.MaxPool3d_3a_3x3 = SamePool(SPACE, (1, 2, 2))
        for name, (first, second) in BLOCKS.items():
            block = SamePool(first, second) if name.startswith("MaxPool") else Mixed(first, second)  # type: ignore[arg-type]
            self.add_module(name, block)
        self.logits = Logits()

    def logits_by_position(self, clips: Tensor) -> Tensor:
        """(B, 400, positions) logits along time, before averaging; 16 frames have 1 position."""
        # Time is halved three times, rounding up, before a pool that is two wide.
        if clips.shape[2] < MIN_FRAMES:
            raise ValueError(f"I3D takes {MIN_FRAMES} frames or more, not {clips.shape[2]}")
        x = clips  # the blocks run in the order in which they were added
        for name, block in self.named_children():
            if name != "logits":
                x = block(x)
        return self.logits(functional.avg_pool3d(x, (2, 7, 7), 1)).flatten(2)

    def forward(self, clips: Tensor) -> Tensor:
        """(B, 400) logits averaged over time, before the soft-max."""
        return self.logits_by_position(clips).mean(dim=2)


def _pad_same(x: Tensor, kernel: tuple[int, ...], stride: tuple[int, ...]) -> Tensor:
    """Pads with zeros so that the output size is ⌈size / stride⌉, as TensorFlow's SAME does."""
    # An odd zero goes to the end; torch's own padding is symmetric and gives other values.
    sides: list[int] = []
    for size, k, s in zip(reversed(x.shape[2:]), reversed(kernel), reversed(stride), strict=True):
        short = max(k - s if size % s == 0 else k - size % s, 0)
        sides += [short // 2, short - short // 2]
    return functional.pad(x, sides) if any(sides) else x
