"""Trains REGIS-Fuse: FuseFormer's generator, which fills holes, with or without a discriminator."""

from typing import TYPE_CHECKING, Any

from data.specs.train_refiner import TrainRefinerSpec
from engines.refine.networks import build_network

if TYPE_CHECKING:
    from torch import Tensor


class Objective:
    """Restores corrupted clips, by the L1 errors of holes and of the rest, each by its share.

    With a discriminator, both are trained by the hinge loss in the same step.
    """

    corrupts = True

    def __init__(self, spec: TrainRefinerSpec) -> None:
        from torch import nn

        sizes: dict[str, Any] = {"map": train_map(spec), **spec.architecture}
        self.network, self.weight = build_network("fuse", sizes), spec.adversarial
        self.trained: nn.Module = self.network
        if self.weight:
            from engines.nets.fuseformer import Discriminator

            self.discriminator = Discriminator()
            self.trained = nn.ModuleDict(
                {"generator": self.network, "discriminator": self.discriminator}
            )

    def restore(self, corrupted: "Tensor", holes: "Tensor") -> "Tensor":
        """The network's (B, 3, T, H, W) of clips, both in 0 to 1, of which the holes are hidden."""
        return self.network((2 * corrupted - 1) * (1 - holes)) / 2 + 0.5

    def loss(self, clean: "Tensor", corrupted: "Tensor", holes: "Tensor") -> "Tensor":
        from engines.refine.training.loss import masked_mean

        restored = self.restore(corrupted, holes).float()
        error = (restored - clean).abs()
        loss = masked_mean(error, holes) + masked_mean(error, 1 - holes)
        return loss + self._adversarial_loss(restored, clean) if self.weight else loss

    def _adversarial_loss(self, restored: "Tensor", clean: "Tensor") -> "Tensor":
        """The hinge loss of both networks (Lim and Ye 2017); each has gradients of its own part."""
        from torch.nn.functional import relu

        real, fake = 2 * clean - 1, 2 * restored - 1
        judged = relu(1 - self.discriminator(real)).mean()
        judged = judged + relu(1 + self.discriminator(fake.detach())).mean()
        self.discriminator.requires_grad_(False)
        fooled = -self.discriminator(fake).mean()
        self.discriminator.requires_grad_(True)
        return self.weight * fooled + judged / 2


def train_map(spec: TrainRefinerSpec) -> tuple[int, int]:
    """The generator's feature map for the training windows: a fourth of their sides."""
    height, width = (spec.crop,) * 2 if spec.crop else (spec.clips.height, spec.clips.width)
    return height // 4, width // 4
