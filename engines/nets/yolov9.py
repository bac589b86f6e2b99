"""YOLOv9-C (Wang et al. 2024) with its auxiliary branch, named as in published checkpoints."""

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from engines.nets.yolov9_head import DualHead
from engines.nets.yolov9_parts import Branches, Conv, Down, Elan, Pyramid, fuse_levels

WIDTH = 64  # channels of the first convolution in the published network
Head = Literal["aux", "main"]


class YoloV9C(nn.Module):
    """Maps pictures (n, 3, H, W) in [0, 1], with sides multiples of 32, to boxes and scores."""

    def __init__(self, classes: int = 1, width: int = WIDTH) -> None:
        super().__init__()
        c1, c2, c4, c8 = (width * n for n in (1, 2, 4, 8))
        # A layer's index is its name in the checkpoint, so the list has identities where the
        # published network enlarges, joins or adds without parameters.
        self.model = nn.ModuleList([
            nn.Identity(), Conv(3, c1, 3, 2), Conv(c1, c2, 3, 2), Elan(c2, c4, c2, c1), Down(c4),
            Elan(c4, c8, c4, c2), Down(c8), Elan(c8, c8, c8, c4), Down(c8), Elan(c8, c8, c8, c4),
            Pyramid(c8, c4), *_skip_layers(2), Elan(2 * c8, c8, c8, c4), *_skip_layers(2),
            Elan(2 * c8, c4, c4, c2), Down(c4), *_skip_layers(1), Elan(c4 + c8, c8, c8, c4),
            Down(c8), *_skip_layers(1), Elan(2 * c8, c8, c8, c4),
            Branches(c8, (c4,)), Branches(c8, (c4, c8)), Branches(c8, (c4, c8, c8)),
            Conv(3, c1, 3, 2), Conv(c1, c2, 3, 2), Elan(c2, c4, c2, c1), Down(c4),
            *_skip_layers(1), Elan(c4, c8, c4, c2), Down(c8),
            *_skip_layers(1), Elan(c8, c8, c8, c4), Down(c8),
            *_skip_layers(1), Elan(c8, c8, c8, c4),
            DualHead((c8, c8, c8), (c4, c8, c8), classes),
        ])  # fmt: skip

    def forward(self, x: Tensor, head: Head) -> tuple[Tensor, Tensor]:
        """Boxes (n, places, 4) as x0, y0, x1, y1 in pixels, scores (n, places, classes) in (0, 1).

        Only the layers that the head needs are computed.
        """
        m = self.model
        third = m[5](m[4](m[3](m[2](m[1](x)))))
        fourth = m[7](m[6](third))
        fifth = m[9](m[8](fourth))
        last = self.get_submodule("model.38")
        assert isinstance(last, DualHead)
        if head == "aux":
            return last.decode_aux(self._run_aux(x, third, fourth, fifth))
        return last.decode_main(self._run_main(third, fourth, fifth))

    def _run_main(self, third: Tensor, fourth: Tensor, fifth: Tensor) -> list[Tensor]:
        """The main branch's levels of strides 8, 16 and 32: top-down, then bottom-up."""
        m = self.model
        top = m[10](fifth)
        middle = m[13](_upsample_and_join(top, fourth))
        p3 = m[16](_upsample_and_join(middle, third))
        p4 = m[19](torch.cat([m[17](p3), middle], dim=1))
        return [p3, p4, m[22](torch.cat([m[20](p4), top], dim=1))]

    def _run_aux(self, x: Tensor, third: Tensor, fourth: Tensor, fifth: Tensor) -> list[Tensor]:
        """The auxiliary branch's levels: a second backbone, with the first one's levels added."""
        m = self.model
        from3, from4, from5 = m[23](third), m[24](fourth), m[25](fifth)
        own = m[29](m[28](m[27](m[26](x))))
        a3 = m[31](fuse_levels(own, from3[0], from4[0], from5[0]))
        a4 = m[34](fuse_levels(m[32](a3), from4[1], from5[1]))
        return [a3, a4, m[37](fuse_levels(m[35](a4), from5[2]))]


def build_network(shapes: Mapping[str, tuple[int, ...]]) -> YoloV9C:
    """The network in a checkpoint's sizes: width and classes from the shapes of its parameters."""
    return YoloV9C(shapes["model.38.cv3.0.2.weight"][0], shapes["model.1.conv.weight"][0])


def _skip_layers(count: int) -> list[nn.Module]:
    """Placeholders for layers without parameters."""
    return [nn.Identity() for _ in range(count)]


def _upsample_and_join(coarse: Tensor, fine: Tensor) -> Tensor:
    return torch.cat([functional.interpolate(coarse, scale_factor=2.0), fine], dim=1)
