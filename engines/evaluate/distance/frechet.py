"""The Fréchet distance of two sets of features, each taken for a Gaussian."""

import warnings
from dataclasses import dataclass
from typing import Literal

import numpy as np

from data.errors import UserError
from engines.evaluate.distance.moments import Moments, finite

NEGATIVE = 1e-6  # of the scale: less than this below zero is rounding, more is a fault
Route = Literal["eigh", "nuclear"]


@dataclass(frozen=True, slots=True)
class Distance:
    """|μ₁ - μ₂|² (`mean_term`) and tr Σ₁ + tr Σ₂ - 2 tr (Σ₁Σ₂)^½ (`trace_term`).

    In squared units of the features (Dowson and Landau 1982). `route` is how the root was taken.
    """

    mean_term: float
    trace_term: float
    route: Route

    @property
    def total(self) -> float:
        """The distance."""
        return self.mean_term + self.trace_term


def between(first: np.ndarray, second: np.ndarray, ddof: int = 1) -> Distance:
    """The distance of features (n, d) and (m, d), by the route that suits their number.

    Covariances of fewer clips than dimensions are singular: the nuclear norm is then exact.
    """
    if min(len(first), len(second)) <= first.shape[1]:
        return frechet_from_features(first, second, ddof)
    return frechet(Moments.of(first), Moments.of(second), ddof)


def frechet(first: Moments, second: Moments, ddof: int = 1) -> Distance:
    """The distance by eigenvalues: tr (Σ₁Σ₂)^½ = tr (Σ₁^½ Σ₂ Σ₁^½)^½.

    Warns where a covariance has an eigenvalue well below zero, which is taken for zero. A
    UserError of features made in two ways, of fewer than two, and of moments that are not finite.
    """
    if first.spec != second.spec:
        raise UserError(f"features made in two ways: {first.spec} and {second.spec}")
    one, two = first.covariance(ddof), second.covariance(ddof)
    if not all(np.isfinite(each).all() for each in (first.mean, second.mean, one, two)):
        raise UserError("the moments are not finite: some feature overflowed")
    root = _root(one)
    overlap = np.sqrt(_clipped(np.linalg.eigvalsh(root @ two @ root))).sum()
    apart = first.mean - second.mean
    return _distance(apart, float(np.trace(one) + np.trace(two)), float(overlap), "eigh")


def frechet_from_features(first: np.ndarray, second: np.ndarray, ddof: int = 1) -> Distance:
    """The distance of features (n, d) and (m, d): tr (Σ₁Σ₂)^½ = |X Yᵀ|_* / √((n-1)(m-1)).

    X and Y are the centred features, |·|_* the sum of singular values: exact for any rank.
    """
    wide = [finite(each).astype(np.float64) for each in (first, second)]
    if min(len(each) for each in wide) < 2:
        raise UserError("one clip has no covariance: give at least two of each set")
    means = [each.mean(axis=0) for each in wide]
    x, y = (each - mean for each, mean in zip(wide, means, strict=True))
    n, m = len(x) - ddof, len(y) - ddof
    overlap = np.linalg.svd(x @ y.T, compute_uv=False).sum() / np.sqrt(n * m)
    spread = (x**2).sum() / n + (y**2).sum() / m
    return _distance(means[0] - means[1], float(spread), float(overlap), "nuclear")


def _root(covariance: np.ndarray) -> np.ndarray:
    """The symmetric root."""
    values, vectors = np.linalg.eigh(covariance)
    return (vectors * np.sqrt(_clipped(values))) @ vectors.T


def _clipped(values: np.ndarray) -> np.ndarray:
    """Eigenvalues with those below zero at zero; warns where one is so by more than rounding."""
    if values.min() < -NEGATIVE * max(values.max(), 0.0):
        said = f"an eigenvalue of {values.min():.3g}, the largest being {values.max():.3g}"
        warnings.warn(f"no covariance: {said}", RuntimeWarning, stacklevel=3)
    return values.clip(min=0)


def _distance(apart: np.ndarray, spread: float, overlap: float, route: Route) -> Distance:
    """A total of a little less than zero is zero."""
    mean_term, trace_term = float(apart @ apart), spread - 2 * overlap
    total = mean_term + trace_term
    if total < -NEGATIVE * (mean_term + spread):
        raise ArithmeticError(f"a distance of {total:.3g}: the covariances are none")
    return Distance(mean_term, max(trace_term, -mean_term) + 0.0, route)  # never -0.0
