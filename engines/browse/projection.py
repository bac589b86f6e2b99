"""Two-dimensional maps of vectors: PCA of any number of them, UMAP of a sample."""

from collections.abc import Callable, Iterator

import numpy as np

SAMPLE, BLOCK = 100_000, 16_384  # vectors that axes are found by, and read at once
UMAP_SAMPLE = 20_000  # vectors that UMAP places in minutes on two cores

Read = Callable[[np.ndarray], np.ndarray]  # the unit vectors (m, d) of row numbers


def project_pca(read: Read, count: int) -> np.ndarray:
    """Places (n, 2) float32 on the two directions along which the vectors differ most.

    The same vectors give the same map: axes are those of a fixed sample, and each points to where
    its largest component is positive.
    """
    rows = sample_rows(count, SAMPLE)
    first = read(rows[:1])
    total, products = np.zeros(first.shape[1]), np.zeros((first.shape[1], first.shape[1]))
    for block in _iter_blocks(rows):
        vectors = read(block).astype(np.float64)
        total += vectors.sum(axis=0)
        products += vectors.T @ vectors
    mean = total / len(rows)
    _, axes = np.linalg.eigh(products / len(rows) - np.outer(mean, mean))
    axes = axes[:, ::-1][:, :2]
    largest = np.abs(axes).argmax(axis=0)
    axes = axes * np.sign(axes[largest, np.arange(axes.shape[1])])
    parts = [(read(block) - mean) @ axes for block in _iter_blocks(np.arange(count))]
    return _fit_square(np.concatenate(parts))


def project_umap(read: Read, count: int) -> np.ndarray:
    """Places (n, 2) float32 by UMAP (McInnes et al. 2018) of a sample; NaN for all other rows."""
    import umap

    rows = sample_rows(count, UMAP_SAMPLE)
    vectors = np.concatenate([read(block) for block in _iter_blocks(rows)])
    neighbours = max(2, min(15, len(rows) - 1))
    # Seeded: the same corpus has to look the same tomorrow. That takes one thread.
    fitted = umap.UMAP(n_neighbors=neighbours, metric="cosine", random_state=0, n_jobs=1)
    places = np.full((count, 2), np.nan, np.float32)
    places[rows] = _fit_square(fitted.fit_transform(vectors))
    return places


def sample_rows(count: int, size: int) -> np.ndarray:
    """Row numbers in order: all, or `size` of them, always the same."""
    if count <= size:
        return np.arange(count)
    return np.sort(np.random.default_rng(0).choice(count, size, replace=False))


def find_in_polygon(places: np.ndarray, polygon: np.ndarray) -> np.ndarray:
    """The row numbers of places (n, 2) inside a polygon (m, 2), by the even-odd rule."""
    low, high = polygon.min(axis=0), polygon.max(axis=0)
    polygon = np.clip(polygon, -10, 10)  # the map is from 0 to 1: no product of it overflows
    with np.errstate(invalid="ignore"):  # rows without a place are inside of nothing
        near = np.flatnonzero(((places >= low) & (places <= high)).all(axis=1))
    x, y = places[near].T.astype(np.float64)
    inside = np.zeros(len(near), bool)
    for (x1, y1), (x2, y2) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        if y1 != y2:
            crosses = (y1 > y) != (y2 > y)
            inside ^= crosses & (x < (x2 - x1) * (y - y1) / (y2 - y1) + x1)
    return near[inside]


def _fit_square(places: np.ndarray) -> np.ndarray:
    """The places in the unit square, with their aspect ratio."""
    if places.shape[1] < 2:
        places = np.pad(places, ((0, 0), (0, 2 - places.shape[1])))
    low, high = places.min(axis=0), places.max(axis=0)
    extent = float((high - low).max()) or 1.0
    return ((places - (low + high) / 2) / extent + 0.5).astype(np.float32)


def _iter_blocks(rows: np.ndarray) -> Iterator[np.ndarray]:
    for first in range(0, len(rows), BLOCK):
        yield rows[first : first + BLOCK]
