"""YOLOv9's two heads: boxes and scores at every position of three levels."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from engines.nets.yolov9_parts import Conv

STRIDES = (8, 16, 32)
BINS = 16  # of the distribution of a distance
Levels = Sequence[Tensor]


class ExpectedDistance(nn.Module):
    """The expectation of a distance over its bins (distribution focal loss, Li et al. 2020).

    Its weights are the distances 0, 1, …, 15.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(BINS, 1, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Maps logits (n, 64, places) to distances (n, 4, places)."""
        probabilities = x.unflatten(1, (4, BINS)).transpose(1, 2).softmax(dim=1)
        return self.conv(probabilities).squeeze(1)


class DualHead(nn.Module):
    """The auxiliary head (`cv2`, `cv3`) and the main one (`cv4`, `cv5`)."""

    def __init__(self, aux: Sequence[int], main: Sequence[int], classes: int) -> None:
        super().__init__()
        self.cv2, self.cv3 = _build_box_branch(aux), _build_class_branch(aux, classes)
        self.cv4, self.cv5 = _build_box_branch(main), _build_class_branch(main, classes)
        self.dfl, self.dfl2 = ExpectedDistance(), ExpectedDistance()

    def decode_aux(self, levels: Levels) -> tuple[Tensor, Tensor]:
        """Boxes (n, places, 4) as x0, y0, x1, y1 in pixels, and scores (n, places, classes)."""
        return _decode_levels(levels, self.cv2, self.cv3, self.dfl)

    def decode_main(self, levels: Levels) -> tuple[Tensor, Tensor]:
        """Boxes and scores of the main head, as `decode_aux`."""
        return _decode_levels(levels, self.cv4, self.cv5, self.dfl2)


def _build_box_branch(channels: Sequence[int]) -> nn.ModuleList:
    inner = -(-max(channels[0] // 4, 4 * BINS) // 4) * 4
    return nn.ModuleList(
        nn.Sequential(
            Conv(each, inner, 3),
            Conv(inner, inner, 3, groups=4),
            nn.Conv2d(inner, 4 * BINS, 1, groups=4),
        )
        for each in channels
    )


def _build_class_branch(channels: Sequence[int], classes: int) -> nn.ModuleList:
    inner = max(channels[0], min(2 * classes, 128))
    return nn.ModuleList(
        nn.Sequential(Conv(each, inner, 3), Conv(inner, inner, 3), nn.Conv2d(inner, classes, 1))
        for each in channels
    )


def _decode_levels(
    levels: Levels, boxes: nn.ModuleList, classes: nn.ModuleList, distance: nn.Module
) -> tuple[Tensor, Tensor]:
    pixel_boxes, scores = [], []
    for level, box, score, stride in zip(levels, boxes, classes, STRIDES, strict=True):
        before, after = distance(box(level).flatten(2)).transpose(1, 2).chunk(2, dim=2)
        centres = _compute_centres(level)
        # Distances to the left and top, right and bottom, in steps of the level.
        pixel_boxes.append(torch.cat([centres - before, centres + after], dim=2) * stride)
        scores.append(score(level).flatten(2).transpose(1, 2).sigmoid())
    return torch.cat(pixel_boxes, dim=1), torch.cat(scores, dim=1)


def _compute_centres(level: Tensor) -> Tensor:
    """(places, 2) centres as x, y, row by row, in steps of the level."""
    height, width = level.shape[-2:]
    y, x = torch.meshgrid(
        torch.arange(height, device=level.device), torch.arange(width, device=level.device),
        indexing="ij",
    )  # fmt: skip
    return torch.stack([x, y], dim=2).flatten(0, 1) + 0.5
