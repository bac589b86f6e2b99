"""The blocks of YOLOv9 (Wang et al. 2024), with modules named as in its checkpoints."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class Conv(nn.Module):
    """A convolution with same padding, batch norm and SiLU."""

    def __init__(
        self, channels: int, out: int, kernel: int = 1, stride: int = 1, groups: int = 1,
        activate: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        self.conv = nn.Conv2d(channels, out, kernel, stride, kernel // 2, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(out, eps=1e-3)
        self.act = nn.SiLU() if activate else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Maps (n, channels, h, w) to (n, out, h / stride, w / stride)."""
        return self.act(self.bn(self.conv(x)))


class RepConv(nn.Module):
    """SiLU of the sum of a 3 x 3 and a 1 x 1 convolution."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.conv1 = Conv(channels, out, 3, activate=False)
        self.conv2 = Conv(channels, out, 1, activate=False)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (n, channels, h, w) to (n, out, h, w)."""
        return functional.silu(self.conv1(x) + self.conv2(x))


class Bottleneck(nn.Module):
    """Two convolutions with a residual connection."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.cv1 = RepConv(channels, channels)
        self.cv2 = Conv(channels, channels, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (n, channels, h, w) to the same shape."""
        return x + self.cv2(self.cv1(x))


class RepCSP(nn.Module):
    """A cross-stage partial block: two branches of half the channels, one with a bottleneck."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.cv1 = Conv(channels, out // 2)
        self.cv2 = Conv(channels, out // 2)
        self.cv3 = Conv(out, out)
        self.m = nn.Sequential(Bottleneck(out // 2))

    def forward(self, x: Tensor) -> Tensor:
        """Maps (n, channels, h, w) to (n, out, h, w)."""
        return self.cv3(torch.cat([self.m(self.cv1(x)), self.cv2(x)], dim=1))


class Elan(nn.Module):
    """An efficient layer aggregation block: a chain of blocks whose outputs are all mixed."""

    def __init__(self, channels: int, out: int, inner: int, step: int) -> None:
        super().__init__()
        self.cv1 = Conv(channels, inner)
        self.cv2 = nn.Sequential(RepCSP(inner // 2, step), Conv(step, step, 3))
        self.cv3 = nn.Sequential(RepCSP(step, step), Conv(step, step, 3))
        self.cv4 = Conv(inner + 2 * step, out)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (n, channels, h, w) to (n, out, h, w)."""
        first, second = self.cv1(x).chunk(2, dim=1)
        third = self.cv2(second)
        return self.cv4(torch.cat([first, second, third, self.cv3(third)], dim=1))


class Down(nn.Module):
    """Halves the sides: half the channels by a convolution, half by max pooling (ADown)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.cv1 = Conv(channels // 2, channels // 2, 3, 2)
        self.cv2 = Conv(channels // 2, channels // 2)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (n, channels, h, w) to (n, channels, h / 2, w / 2)."""
        first, second = functional.avg_pool2d(x, 2, stride=1).chunk(2, dim=1)
        return torch.cat([self.cv1(first), self.cv2(functional.max_pool2d(second, 3, 2, 1))], dim=1)


class Pyramid(nn.Module):
    """Spatial pyramid pooling: max pools of growing windows, mixed (SPPELAN)."""

    def __init__(self, channels: int, inner: int) -> None:
        super().__init__()
        self.cv1 = Conv(channels, inner)
        self.cv5 = Conv(4 * inner, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (n, channels, h, w) to the same shape."""
        levels = [self.cv1(x)]
        # Chained pools of 5: windows of 5, 9 and 13.
        for _ in range(3):
            levels.append(functional.max_pool2d(levels[-1], 5, 1, 2))
        return self.cv5(torch.cat(levels, dim=1))


class Branches(nn.Module):
    """Splits a level into inputs for the auxiliary branch's levels (CBLinear)."""

    def __init__(self, channels: int, outs: tuple[int, ...]) -> None:
        super().__init__()
        self.outs = outs
        self.conv = nn.Conv2d(channels, sum(outs), 1)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """A tensor (n, out, h, w) for each of `outs`."""
        return self.conv(x).split(self.outs, dim=1)


def fuse_levels(x: Tensor, *others: Tensor) -> Tensor:
    """The sum of x and the others, resized to its sides by nearest neighbour (CBFuse)."""
    sides = x.shape[-2:]
    return torch.stack([*(functional.interpolate(y, sides) for y in others), x]).sum(0)
