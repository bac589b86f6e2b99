"""Losses of refiners, on tensors (B, 3, T, H, W) in 0 to 1 and holes (B, 1, T, H, W)."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

EPSILON = 1e-3
TEMPORAL = 0.5  # weight of the error of differences between frames


def restoration_loss(restored: "Tensor", clean: "Tensor", holes: "Tensor") -> "Tensor":
    """Charbonnier's error of frames and of their changes, and once more of the holes alone.

    The last is divided by the holes' share, so that small holes count as much as large ones.
    """
    error = charbonnier(restored - clean)
    changes = charbonnier(restored.diff(dim=2) - clean.diff(dim=2))
    return error.mean() + TEMPORAL * changes.mean() + masked_mean(error, holes)


def charbonnier(difference: "Tensor") -> "Tensor":
    """A smooth absolute value (Charbonnier et al. 1994)."""
    return (difference.square() + EPSILON**2).sqrt()


def masked_mean(error: "Tensor", holes: "Tensor") -> "Tensor":
    """The mean over what the holes hold; 0 where there are none."""
    return (error * holes).mean() / holes.mean().clamp(min=1e-6)
