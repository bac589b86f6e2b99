"""Mean and scatter matrix of features, mergeable piece by piece in any order."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import IO

import numpy as np

from data.errors import UserError

MODULUS = 1 << 256  # digests of clip lists are added modulo this


@dataclass(frozen=True, slots=True)
class Moments:
    """The `mean` (d,) and `scatter` (d, d), the sum of centred outer products, of `n` features.

    Both are float64. `spec` identifies how the features were made, `clips` the set of clips: it is
    the sum of the SHA-256 of their ids, which does not depend on their order.
    """

    n: int
    mean: np.ndarray
    scatter: np.ndarray
    spec: str = ""
    clips: int = 0

    @classmethod
    def from_features(
        cls, features: np.ndarray, ids: Sequence[str] = (), spec: str = ""
    ) -> "Moments":
        """The moments of all rows of features; raises UserError with the clip of a non-finite one.

        `ids` are those of the clips.
        """
        wide = pool_rows(features, ids)
        mean = wide.mean(axis=0)
        centred = wide - mean
        return cls(len(wide), mean, centred.T @ centred, spec, _hash_ids(ids))

    def merge(self, other: "Moments") -> "Moments":
        """The moments of both sets together (Chan, Golub and LeVeque 1979), of the same spec."""
        if (self.spec, self.mean.shape) != (other.spec, other.mean.shape):
            raise UserError(
                f"features of different specs cannot be merged: {self.spec or 'unnamed'} with"
                f" {len(self.mean)} dimensions, {other.spec or 'unnamed'} with {len(other.mean)}"
            )
        # Centred updates: raw sums of squares cancel where means are large against deviations.
        n = self.n + other.n
        shift = other.mean - self.mean
        mean = self.mean + shift * (other.n / n)
        between = np.outer(shift, shift) * (self.n * other.n / n)
        clips = (self.clips + other.clips) % MODULUS
        return Moments(n, mean, self.scatter + other.scatter + between, self.spec, clips)

    def covariance(self, ddof: int = 1) -> np.ndarray:
        """(d, d): the scatter divided by n - `ddof`; raises UserError for fewer than two."""
        if self.n < 2:
            raise UserError(f"{self.n} clip has no covariance: at least two are needed")
        return self.scatter / (self.n - ddof)

    def save(self, file: IO[bytes]) -> None:
        """Writes an .npz file that `load` reads."""
        clips = np.array(f"{self.clips:064x}")
        np.savez(
            file, n=np.array(self.n), mean=self.mean, scatter=self.scatter,
            spec=np.array(self.spec), clips=clips,
        )  # fmt: skip

    @classmethod
    def load(cls, file: IO[bytes]) -> "Moments":
        """Reads what `save` wrote, without running anything in the file."""
        with np.load(file, allow_pickle=False) as arrays:
            clips, spec = str(arrays["clips"]), str(arrays["spec"])
            return cls(int(arrays["n"]), arrays["mean"], arrays["scatter"], spec, int(clips, 16))


def pool_rows(features: np.ndarray, ids: Sequence[str] = ()) -> np.ndarray:
    """(n, d) float64 of features (n, d), or (clips, rows, d) where a clip has several.

    Raises UserError with the first clip that is not finite.
    """
    bad = np.flatnonzero(~np.isfinite(features).all(axis=tuple(range(1, features.ndim))))
    if bad.size:
        name = ids[bad[0]] if len(ids) else f"clip {bad[0]}"
        raise UserError(f"the feature of {name} is not finite: fix the clip or leave it out")
    return features.reshape(-1, features.shape[-1]).astype(np.float64)


def _hash_ids(ids: Sequence[str]) -> int:
    digests = (sha256(id.encode("utf-8", "surrogatepass")).digest() for id in ids)
    return sum(int.from_bytes(digest) for digest in digests) % MODULUS
