"""Trains REGIS-U: a U-Net that takes grain away and fills holes."""

from typing import TYPE_CHECKING

from data.specs.train_refiner import TrainRefinerSpec
from engines.refine.networks import build_network

if TYPE_CHECKING:
    from torch import Tensor, nn


class Objective:
    """Restores corrupted clips, by Charbonnier's loss with a temporal and a masked term."""

    corrupts = True  # whether it is trained on corrupted windows

    def __init__(self, spec: TrainRefinerSpec) -> None:
        self.network = build_network("unet", spec.architecture)
        self.trained: nn.Module = self.network

    def restore(self, corrupted: "Tensor", holes: "Tensor") -> "Tensor":
        """The network's (B, 3, T, H, W) of clips, both in 0 to 1, and of holes (B, 1, T, H, W)."""
        return self.network(corrupted, holes)

    def loss(self, clean: "Tensor", corrupted: "Tensor", holes: "Tensor") -> "Tensor":
        from engines.refine.training.loss import restoration_loss

        return restoration_loss(self.restore(corrupted, holes).float(), clean, holes)
