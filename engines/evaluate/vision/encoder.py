"""A network that makes a vector of a picture, and how pictures are shown to it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from data.batches import batched
from engines.evaluate.vision.device import device, exactly
from engines.evaluate.vision.images import Colour, normalised

if TYPE_CHECKING:
    from torch import Tensor

CHUNK = 16  # pictures at once: always, as the last bits hang on it


@dataclass(frozen=True, slots=True)
class Encoder:
    """`shown` makes a picture (size, size, 3) bytes, `net` makes (n, dim) of n of them."""

    net: "Callable[[Tensor], Tensor]"
    shown: Callable[[np.ndarray], np.ndarray]
    mean: Colour
    std: Colour
    dim: int

    def embed(self, pictures: Sequence[np.ndarray]) -> np.ndarray:
        """(n, dim) float32 of n RGB pictures (H, W, 3) uint8 of any sizes, not normalised.

        Pictures run in chunks of a fixed size, so that the same pictures give the same vectors.
        """
        parts = [self._embed(chunk) for chunk in batched(pictures, CHUNK)]
        return np.concatenate([np.zeros((0, self.dim), np.float32), *parts])

    def _embed(self, pictures: list[np.ndarray]) -> np.ndarray:
        with exactly():
            shown = normalised([self.shown(each) for each in pictures], self.mean, self.std)
            return self.net(shown.to(device())).float().cpu().numpy()
