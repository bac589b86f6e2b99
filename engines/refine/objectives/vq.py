"""Trains REGIS-VQ: an autoencoder with a codebook, on clips as they are."""

from typing import TYPE_CHECKING

from data.specs.train_refiner import TrainRefinerSpec
from engines.refine.networks import build_network

if TYPE_CHECKING:
    from torch import Tensor, nn

VARIANCE = 0.06  # of real clips in -0.5 to 0.5: makes reconstruction comparable with commitment


class Objective:
    """Reconstructs clips, by VideoGPT's loss; codes are means of what they stand for."""

    corrupts = False

    def __init__(self, spec: TrainRefinerSpec) -> None:
        self.network = build_network("vq", spec.architecture)
        self.trained: nn.Module = self.network

    def restore(self, corrupted: "Tensor", holes: "Tensor") -> "Tensor":
        """The clips (B, 3, T, H, W) in 0 to 1, encoded and decoded."""
        return self.network(corrupted - 0.5)[0] + 0.5

    def loss(self, clean: "Tensor", corrupted: "Tensor", holes: "Tensor") -> "Tensor":
        from torch.nn.functional import mse_loss

        decoded, quantised = self.network(clean - 0.5)
        return mse_loss(decoded.float(), clean - 0.5) / VARIANCE + quantised.commitment
