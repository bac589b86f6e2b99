"""Mean temporal pooling: normalise each frame, average, normalise."""

import numpy as np

VERSION = "1"


def pool(frames: np.ndarray) -> np.ndarray:
    """(F, D) frame vectors of any float type to one (D,) float32 vector of unit length.

    Each frame is divided by its L2 norm (a norm of 0 counts as 1), the mean is taken in float32
    and divided by its own norm, as RAGME does before indexing. A mean of length 0 stays 0.
    """
    unit = frames.astype(np.float32)  # a copy, and exact: the inputs may be fp16
    unit /= _compute_norm(unit)
    mean = unit.mean(axis=0, dtype=np.float32)
    return mean / _compute_norm(mean)


def _compute_norm(vectors: np.ndarray) -> np.ndarray:
    """The L2 norms, 1 where they are 0: such a vector stays 0 when divided by it."""
    norm = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.where(norm == 0, np.float32(1), norm)
