"""A random projection of a clip's pixels, without weights."""

import numpy as np

from data.specs.distance import ClipSpec

VERSION, LABEL, KERNEL = "1", "fd_random_projection", "kd_random_projection"
FILE, FETCH = None, ""
SIZE = 32


class Extractor:
    """64 numbers: the clip at 32 × 32 pixels, -1 to 1, times a Gaussian matrix drawn from a seed.

    Distances are preserved within a few per cent (Johnson and Lindenstrauss 1984).
    """

    dim, least, most = 64, 1, None
    size, values = SIZE, "-1 to 1"
    resize = None

    def __init__(self, spec: ClipSpec) -> None:
        self.spec = spec

    def load(self) -> None:
        """Draws the projection matrix from the spec's seed."""
        size = 3 * self.spec.frames * SIZE * SIZE
        # The legacy generator: its numbers are the same in every version of numpy.
        matrix = np.random.RandomState(self.spec.seed).standard_normal((self.dim, size))
        self._matrix = (matrix / np.sqrt(self.dim)).astype(np.float32)

    def __call__(self, clips: np.ndarray) -> np.ndarray:
        """(n, 64) float32."""
        return np.stack([self._project_clip(clip) for clip in clips])

    def _project_clip(self, clip: np.ndarray) -> np.ndarray:
        from engines.evaluate.distance.clips import resize_clip

        pixels = resize_clip(clip, SIZE, self.spec).numpy().reshape(-1) / 127.5 - 1
        # Not a matrix product: its last bits depend on the number of threads.
        return (self._matrix * pixels).sum(axis=1)
