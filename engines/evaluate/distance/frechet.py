"""The Fréchet distance of two sets of features, each modelled as a Gaussian."""

import warnings
from dataclasses import dataclass
from typing import Literal

import numpy as np

from data.errors import UserError
from engines.evaluate.distance.moments import Moments, pool_rows

TOLERANCE = 1e-6  # relative: a value below zero by less is rounding, by more an error
Route = Literal["eigh", "nuclear"]


@dataclass(frozen=True, slots=True)
class Distance:
    """|μ₁ - μ₂|² (`mean_term`) and tr Σ₁ + tr Σ₂ - 2 tr (Σ₁Σ₂)^½ (`trace_term`).

    In squared units of the features (Dowson and Landau 1982). `route` is how the square root was
    computed.
    """

    mean_term: float
    trace_term: float
    route: Route

    @property
    def total(self) -> float:
        """The distance: the sum of both terms."""
        return self.mean_term + self.trace_term


def compute_frechet(first: np.ndarray, second: np.ndarray, ddof: int = 1) -> Distance:
    """The distance of features (n, d) and (m, d), by the route that suits their numbers.

    Features (clips, rows, d) are those of all rows.
    """
    dim = first.shape[-1]
    # Covariances of fewer rows than dimensions are singular: the nuclear norm stays exact.
    if min(first.size, second.size) <= dim * dim:
        return frechet_from_features(first, second, ddof)
    return frechet_from_moments(Moments.from_features(first), Moments.from_features(second), ddof)


def frechet_from_moments(first: Moments, second: Moments, ddof: int = 1) -> Distance:
    """The distance by eigenvalues: tr (Σ₁Σ₂)^½ = tr (Σ₁^½ Σ₂ Σ₁^½)^½.

    Warns if a covariance has an eigenvalue well below zero, and takes it as zero. Raises UserError
    for features of different specs, fewer than two features, and moments that are not finite.
    """
    if first.spec != second.spec:
        raise UserError(f"features of different specs: {first.spec} and {second.spec}")
    sigma1, sigma2 = first.covariance(ddof), second.covariance(ddof)
    if not all(np.isfinite(each).all() for each in (first.mean, second.mean, sigma1, sigma2)):
        raise UserError("the moments are not finite: a feature overflowed")
    # Symmetric eigenvalues and not scipy's `sqrtm`, whose result for near-singular products is
    # complex and differs between versions.
    root = _matrix_sqrt(sigma1)
    overlap = np.sqrt(_clip_eigenvalues(np.linalg.eigvalsh(root @ sigma2 @ root))).sum()
    shift, spread = first.mean - second.mean, float(np.trace(sigma1) + np.trace(sigma2))
    return _build_distance(shift, spread, float(overlap), "eigh")


def frechet_from_features(first: np.ndarray, second: np.ndarray, ddof: int = 1) -> Distance:
    """The distance of features (n, d) and (m, d) by tr (Σ₁Σ₂)^½ = |X Yᵀ|_* / √((n-1)(m-1)).

    X and Y are the centred features and |·|_* the nuclear norm, the sum of singular values. It is
    exact for any rank.
    """
    wide = [pool_rows(each) for each in (first, second)]
    if min(len(each) for each in wide) < 2:
        raise UserError("one clip has no covariance: at least two of each set are needed")
    means = [each.mean(axis=0) for each in wide]
    x, y = (each - mean for each, mean in zip(wide, means, strict=True))
    n, m = len(x) - ddof, len(y) - ddof
    overlap = np.linalg.svd(x @ y.T, compute_uv=False).sum() / np.sqrt(n * m)
    spread = (x**2).sum() / n + (y**2).sum() / m
    return _build_distance(means[0] - means[1], float(spread), float(overlap), "nuclear")


def _matrix_sqrt(covariance: np.ndarray) -> np.ndarray:
    """The symmetric square root of a covariance."""
    values, vectors = np.linalg.eigh(covariance)
    return (vectors * np.sqrt(_clip_eigenvalues(values))) @ vectors.T


def _clip_eigenvalues(values: np.ndarray) -> np.ndarray:
    """Sets negative eigenvalues to zero; warns if one is more than rounding below zero."""
    if values.min() < -TOLERANCE * max(values.max(), 0.0):
        detail = f"has an eigenvalue of {values.min():.3g}, the largest is {values.max():.3g}"
        warnings.warn(f"a covariance matrix {detail}", RuntimeWarning, stacklevel=3)
    return values.clip(min=0)


def _build_distance(shift: np.ndarray, spread: float, overlap: float, route: Route) -> Distance:
    """The distance of its terms; a total that rounding took below zero becomes zero."""
    mean_term, trace_term = float(shift @ shift), spread - 2 * overlap
    total = mean_term + trace_term
    if total < -TOLERANCE * (mean_term + spread):
        raise ArithmeticError(f"negative distance {total:.3g}: invalid covariances")
    return Distance(mean_term, max(trace_term, -mean_term) + 0.0, route)  # never -0.0
