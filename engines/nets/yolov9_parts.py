"""The blocks that YOLOv9 (Wang et al. 2024) is made of; modules are named as in its checkpoints."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class Conv(nn.Module):
    """A convolution that keeps sides but for its stride, a batch norm, and SiLU."""

    def __init__(
        self, channels: int, out: int, kernel: int = 1, stride: int = 1, groups: int = 1,
        bend: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        self.conv = nn.Conv2d(channels, out, kernel, stride, kernel // 2, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(out, eps=1e-3)
        self.act = nn.SiLU() if bend else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """(n, out, h / stride, w / stride) of (n, channels, h, w)."""
        return self.act(self.bn(self.conv(x)))


class RepConv(nn.Module):
    """A 3 x 3 and a 1 x 1 convolution side by side, summed and bent."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.conv1 = Conv(channels, out, 3, bend=False)
        self.conv2 = Conv(channels, out, 1, bend=False)

    def forward(self, x: Tensor) -> Tensor:
        """(n, out, h, w) of (n, channels, h, w)."""
        return functional.silu(self.conv1(x) + self.conv2(x))


class Bottleneck(nn.Module):
    """Two convolutions beside a short cut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.cv1 = RepConv(channels, channels)
        self.cv2 = Conv(channels, channels, 3)

    def forward(self, x: Tensor) -> Tensor:
        """The shape of x."""
        return x + self.cv2(self.cv1(x))


class RepCSP(nn.Module):
    """Two branches of half the channels, one of which is worked on."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.cv1 = Conv(channels, out // 2)
        self.cv2 = Conv(channels, out // 2)
        self.cv3 = Conv(out, out)
        self.m = nn.Sequential(Bottleneck(out // 2))

    def forward(self, x: Tensor) -> Tensor:
        """(n, out, h, w) of (n, channels, h, w)."""
        return self.cv3(torch.cat([self.m(self.cv1(x)), self.cv2(x)], dim=1))


class Elan(nn.Module):
    """A chain of blocks, all of whose stages are kept and mixed."""

    def __init__(self, channels: int, out: int, inner: int, step: int) -> None:
        super().__init__()
        self.cv1 = Conv(channels, inner)
        self.cv2 = nn.Sequential(RepCSP(inner // 2, step), Conv(step, step, 3))
        self.cv3 = nn.Sequential(RepCSP(step, step), Conv(step, step, 3))
        self.cv4 = Conv(inner + 2 * step, out)

    def forward(self, x: Tensor) -> Tensor:
        """(n, out, h, w) of (n, channels, h, w)."""
        first, second = self.cv1(x).chunk(2, dim=1)
        third = self.cv2(second)
        return self.cv4(torch.cat([first, second, third, self.cv3(third)], dim=1))


class Down(nn.Module):
    """Half the sides: half of the channels by a convolution, the others by their largest."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.cv1 = Conv(channels // 2, channels // 2, 3, 2)
        self.cv2 = Conv(channels // 2, channels // 2)

    def forward(self, x: Tensor) -> Tensor:
        """(n, channels, h / 2, w / 2) of (n, channels, h, w)."""
        one, two = functional.avg_pool2d(x, 2, stride=1).chunk(2, dim=1)
        return torch.cat([self.cv1(one), self.cv2(functional.max_pool2d(two, 3, 2, 1))], dim=1)


class Pyramid(nn.Module):
    """The largest of ever wider surroundings (SPPELAN)."""

    def __init__(self, channels: int, inner: int) -> None:
        super().__init__()
        self.cv1 = Conv(channels, inner)
        self.cv5 = Conv(4 * inner, channels)

    def forward(self, x: Tensor) -> Tensor:
        """The shape of x."""
        seen = [self.cv1(x)]
        for _ in range(3):
            seen.append(functional.max_pool2d(seen[-1], 5, 1, 2))
        return self.cv5(torch.cat(seen, dim=1))


class Branches(nn.Module):
    """What a level gives to the levels of the auxiliary branch (CBLinear)."""

    def __init__(self, channels: int, outs: tuple[int, ...]) -> None:
        super().__init__()
        self.outs = outs
        self.conv = nn.Conv2d(channels, sum(outs), 1)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """(n, out, h, w) for each of `outs`."""
        return self.conv(x).split(self.outs, dim=1)


def fused(x: Tensor, *others: Tensor) -> Tensor:
    """The sum of x and of others, brought to its sides (CBFuse)."""
    sides = x.shape[-2:]
    return torch.stack([*(functional.interpolate(y, sides) for y in others), x]).sum(0)
