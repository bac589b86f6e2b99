"""Mean and scatter of features, gathered piece by piece in any order."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import IO

import numpy as np

from data.errors import UserError

WHOLE = 1 << 256  # clip lists add up modulo this


@dataclass(frozen=True, slots=True)
class Moments:
    """Of `n` features: their `mean` (d,) and `scatter` (d, d), the sum of centred squares.

    Both are float64. `spec` says how the features were made; `clips` stands for which they are of,
    in whatever order: the sum of the SHA-256 of their names.
    """

    n: int
    mean: np.ndarray
    scatter: np.ndarray
    spec: str = ""
    clips: int = 0

    @classmethod
    def of(cls, features: np.ndarray, ids: Sequence[str] = (), spec: str = "") -> "Moments":
        """The moments of (n, d) features; a UserError names the clip of one that is not finite."""
        wide = finite(features, ids).astype(np.float64)
        mean = wide.mean(axis=0)
        centred = wide - mean
        return cls(len(wide), mean, centred.T @ centred, spec, _sum(ids))

    def merge(self, other: "Moments") -> "Moments":
        """The moments of both sets (Chan, Golub and LeVeque 1979); they need the same spec."""
        if (self.spec, self.mean.shape) != (other.spec, other.mean.shape):
            raise UserError(
                f"features made in two ways cannot be merged: {self.spec or 'unnamed'} of"
                f" {len(self.mean)} numbers, and {other.spec or 'unnamed'} of {len(other.mean)}"
            )
        n = self.n + other.n
        apart = other.mean - self.mean
        mean = self.mean + apart * (other.n / n)
        between = np.outer(apart, apart) * (self.n * other.n / n)
        clips = (self.clips + other.clips) % WHOLE
        return Moments(n, mean, self.scatter + other.scatter + between, self.spec, clips)

    def covariance(self, ddof: int = 1) -> np.ndarray:
        """(d, d), divided by n - `ddof`; a UserError of fewer than two features."""
        if self.n < 2:
            raise UserError(f"{self.n} clip has no covariance: give at least two")
        return self.scatter / (self.n - ddof)

    def save(self, file: IO[bytes]) -> None:
        """Writes an .npz that `load` reads."""
        clips = np.array(f"{self.clips:064x}")
        np.savez(
            file, n=np.array(self.n), mean=self.mean, scatter=self.scatter,
            spec=np.array(self.spec), clips=clips,
        )  # fmt: skip

    @classmethod
    def load(cls, file: IO[bytes]) -> "Moments":
        """What `save` wrote; nothing in the file is ever run."""
        with np.load(file, allow_pickle=False) as held:
            clips, spec = str(held["clips"]), str(held["spec"])
            return cls(int(held["n"]), held["mean"], held["scatter"], spec, int(clips, 16))


def finite(features: np.ndarray, ids: Sequence[str] = ()) -> np.ndarray:
    """The (n, d) features; a UserError names the first clip whose feature is NaN or infinite."""
    bad = np.flatnonzero(~np.isfinite(features).all(axis=1))
    if bad.size:
        named = ids[bad[0]] if len(ids) else f"clip {bad[0]}"
        raise UserError(f"the feature of {named} is not finite: leave the clip out, or mend it")
    return features


def _sum(ids: Sequence[str]) -> int:
    digests = (sha256(id.encode("utf-8", "surrogatepass")).digest() for id in ids)
    return sum(int.from_bytes(digest) for digest in digests) % WHOLE
