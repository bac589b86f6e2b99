"""Image encoders: a network from a picture to a vector, with its preprocessing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from data.batches import iter_batches
from engines.device import deterministic_inference, pick_device
from engines.evaluate.vision.images import Colour, normalise_pictures

if TYPE_CHECKING:
    from torch import Tensor

CHUNK = 16  # pictures per forward pass; fixed, as the last bits of a vector depend on it


@dataclass(frozen=True, slots=True)
class Encoder:
    """`preprocess` makes a picture (size, size, 3) bytes; `net` maps n of them to (n, dim)."""

    net: "Callable[[Tensor], Tensor]"
    preprocess: Callable[[np.ndarray], np.ndarray]
    mean: Colour
    std: Colour
    dim: int

    def embed(self, pictures: Sequence[np.ndarray]) -> np.ndarray:
        """(n, dim) float32 vectors of n RGB pictures (H, W, 3) uint8 of any sizes.

        Vectors are not normalised. The same pictures in the same order give the same bits.
        """
        parts = [self._embed_chunk(chunk) for chunk in iter_batches(pictures, CHUNK)]
        return np.concatenate([np.zeros((0, self.dim), np.float32), *parts])

    def _embed_chunk(self, pictures: list[np.ndarray]) -> np.ndarray:
        squares = [self.preprocess(each) for each in pictures]
        with deterministic_inference():
            pixels = normalise_pictures(squares, self.mean, self.std)
            return self.net(pixels.to(pick_device())).float().cpu().numpy()
