"""I3D: Inception-v1 with its kernels inflated over time, as trained on Kinetics-400.

Carreira and Zisserman 2017; names of parameters as in the widespread PyTorch port.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

CLASSES, CHANNELS, LEAST = 400, 1024, 9
SPACE = (1, 3, 3)
# Outputs of the branches: 1×1; 1×1 then 3×3; 1×1 then 3×3; pooled then 1×1 (their table 1).
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
    """A convolution padded as TensorFlow's SAME, normalised, rectified."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 1, stride: int = 1) -> None:
        super().__init__()
        self.conv3d = nn.Conv3d(inputs, outputs, kernel, stride, bias=False)
        self.bn = nn.BatchNorm3d(outputs, eps=1e-3, momentum=0.01)

    def forward(self, x: Tensor) -> Tensor:
        convolved = self.conv3d(_same(x, self.conv3d.kernel_size, self.conv3d.stride))
        return functional.relu(self.bn(convolved))


class Pool(nn.Module):
    """The maximum, padded as TensorFlow's SAME: with zeros, which rectified inputs never beat."""

    def __init__(self, kernel: tuple[int, ...], stride: tuple[int, ...]) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride

    def forward(self, x: Tensor) -> Tensor:
        padded = _same(x, self.kernel, self.stride)
        return functional.max_pool3d(padded, self.kernel, self.stride)


class Mixed(nn.Module):
    """Four branches side by side."""

    def __init__(self, inputs: int, outputs: tuple[int, ...]) -> None:
        super().__init__()
        self.b0 = Unit(inputs, outputs[0])
        self.b1a, self.b1b = Unit(inputs, outputs[1]), Unit(outputs[1], outputs[2], 3)
        self.b2a, self.b2b = Unit(inputs, outputs[3]), Unit(outputs[3], outputs[4], 3)
        self.b3a, self.b3b = Pool((3, 3, 3), (1, 1, 1)), Unit(inputs, outputs[5])

    def forward(self, x: Tensor) -> Tensor:
        first, second = self.b0(x), self.b1b(self.b1a(x))
        return torch.cat([first, second, self.b2b(self.b2a(x)), self.b3b(self.b3a(x))], dim=1)


class Logits(nn.Module):
    """A linear layer of every position; its name is a unit's."""

    def __init__(self) -> None:
        super().__init__()
        self.conv3d = nn.Conv3d(CHANNELS, CLASSES, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv3d(x)


class I3D(nn.Module):
    """Clips (B, 3, T, 224, 224), -1 to 1, to logits; T is 9 or more."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv3d_1a_7x7 = Unit(3, 64, 7, 2)
        self.MaxPool3d_2a_3x3 = Pool(SPACE, (1, 2, 2))
        self.Conv3d_2b_1x1 = Unit(64, 64)
        self.Conv3d_2c_3x3 = Unit(64, 192, 3)
        self.MaxPool3d_3a_3x3 = Pool(SPACE, (1, 2, 2))
        for name, (first, second) in BLOCKS.items():
            block = Pool(first, second) if name.startswith("MaxPool") else Mixed(first, second)  # type: ignore[arg-type]
            self.add_module(name, block)
        self.logits = Logits()

    def positions(self, clips: Tensor) -> Tensor:
        """(B, 400, positions) logits along time, before they are averaged: 1 of 16 frames."""
        if clips.shape[2] < LEAST:
            raise ValueError(f"I3D takes {LEAST} frames or more, not {clips.shape[2]}")
        x = clips
        for name, block in self.named_children():
            if name != "logits":
                x = block(x)
        return self.logits(functional.avg_pool3d(x, (2, 7, 7), 1)).flatten(2)

    def forward(self, clips: Tensor) -> Tensor:
        """(B, 400): logits, averaged over time; no soft-max."""
        return self.positions(clips).mean(dim=2)


def _same(x: Tensor, kernel: tuple[int, ...], stride: tuple[int, ...]) -> Tensor:
    """Pads so that sizes come out as ⌈size / stride⌉; the odd zero goes behind."""
    sides: list[int] = []
    for size, k, s in zip(reversed(x.shape[2:]), reversed(kernel), reversed(stride), strict=True):
        short = max(k - s if size % s == 0 else k - size % s, 0)
        sides += [short // 2, short - short // 2]
    return functional.pad(x, sides) if any(sides) else x
