"""Inception-v3 as released in 2015 for TensorFlow, whose pooled features are those of FID.

torchvision's network with the pools of the released graph: averages do not count the padding, and
the last block takes a maximum. Heusel et al. 2017 define FID by this graph. Parameters have
torchvision's names, as in the published conversion to PyTorch.
"""

import torch
from torch import Tensor
from torch.nn import functional
from torchvision.models import inception

CLASSES, CHANNELS, SIDE = 1008, 2048, 299


class BlockA(inception.InceptionA):
    """35 × 35 pixels: 1 × 1, 5 × 5, two 3 × 3, and a pool."""

    def forward(self, x: Tensor) -> Tensor:
        five = self.branch5x5_2(self.branch5x5_1(x))
        three = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        pooled = self.branch_pool(_pool_mean(x))
        return torch.cat([self.branch1x1(x), five, three, pooled], dim=1)


class BlockC(inception.InceptionC):
    """17 × 17 pixels: 1 × 1, 7 × 7 in two and in four steps, and a pool."""

    def forward(self, x: Tensor) -> Tensor:
        seven = self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(x)))
        twice = self.branch7x7dbl_3(self.branch7x7dbl_2(self.branch7x7dbl_1(x)))
        twice = self.branch7x7dbl_5(self.branch7x7dbl_4(twice))
        pooled = self.branch_pool(_pool_mean(x))
        return torch.cat([self.branch1x1(x), seven, twice, pooled], dim=1)


class BlockE(inception.InceptionE):
    """8 × 8 pixels: 1 × 1, 3 × 3 spread over two directions, once and twice, and a pool."""

    def forward(self, x: Tensor) -> Tensor:
        three = self.branch3x3_1(x)
        twice = self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        spread = [self.branch3x3_2a(three), self.branch3x3_2b(three),
                  self.branch3x3dbl_3a(twice), self.branch3x3dbl_3b(twice)]  # fmt: skip
        pooled = self.branch_pool(self.pool(x))
        return torch.cat([self.branch1x1(x), *spread, pooled], dim=1)

    def pool(self, x: Tensor) -> Tensor:
        return _pool_mean(x)


class LastBlock(BlockE):
    """The released graph's last block, which takes the maximum where the paper has a mean."""

    def pool(self, x: Tensor) -> Tensor:
        return functional.max_pool2d(x, 3, stride=1, padding=1)


class FidInception(inception.Inception3):
    """Maps pictures (B, 3, 299, 299), about -1 to 1, to (B, 2048) features.

    The classes' layer `fc` is loaded with the file and not run.
    """

    def __init__(self) -> None:
        blocks = [
            inception.BasicConv2d, BlockA, inception.InceptionB, BlockC, inception.InceptionD,
            BlockE, inception.InceptionAux,
        ]  # fmt: skip
        super().__init__(CLASSES, aux_logits=False, inception_blocks=blocks, init_weights=False)
        self.Mixed_7c = LastBlock(CHANNELS)

    def forward(self, pictures: Tensor) -> Tensor:
        x = pictures  # the layers run in the order in which torchvision adds them
        for name, layer in self.named_children():
            if name == "avgpool":
                break
            x = layer(x)
        return x.mean(dim=(2, 3))


def resize_like_tf1(pictures: Tensor, side: int = SIDE) -> Tensor:
    """(…, side, side) of float (…, H, W) by TensorFlow 1's bilinear resize.

    Pixel i lies at i · H / side, without half-pixel centres and without antialiasing.
    """
    for axis in (-1, -2):
        length = pictures.shape[axis]
        # In float32, as TensorFlow: float64 would take another neighbour where i · H / side is
        # whole but for rounding.
        place = torch.arange(side, device=pictures.device) * torch.tensor(
            length / side, dtype=torch.float32, device=pictures.device
        )
        low = place.long()
        share = place - low
        if axis == -2:
            share = share[:, None]
        lower = pictures.index_select(axis, low)
        upper = pictures.index_select(axis, (low + 1).clamp(max=length - 1))
        pictures = lower + (upper - lower) * share
    return pictures


def _pool_mean(x: Tensor) -> Tensor:
    return functional.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)
