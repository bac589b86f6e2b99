"""Joins pairs of near-duplicates into groups that no chain of likenesses can stretch."""

from collections.abc import Callable, Iterable, Iterator

import numpy as np

ReadVectors = Callable[[np.ndarray], np.ndarray]  # unit vectors (n, d) of contents, by number
MAX_COMPARED = 1_000_000  # cosines of two groups that are all computed; of larger ones, bounds
MAX_MEASURED = 512  # members of a group whose radius is measured anew when it grows


class _Group:
    """Rows of unit `vectors` (n, d), all within `radius` (an angle) of the group's centre."""

    def __init__(self, vectors: np.ndarray, row: int) -> None:
        self.vectors, self.rows, self.radius = vectors, [row], 0.0
        self._sum: np.ndarray | None = None  # of one row: the row

    @property
    def total(self) -> np.ndarray:
        """The sum of the rows (d,)."""
        return self.vectors[self.rows[0]].astype(np.float64) if self._sum is None else self._sum

    @property
    def centre(self) -> np.ndarray:
        """The direction of the mean."""
        total = self.total
        return total / max(float(np.linalg.norm(total)), 1e-12)

    def is_near(self, other: "_Group", least: float) -> bool:
        """Whether no two rows of both have a cosine below `least`."""
        # No two are further apart than the centres and both radii.
        apart = _angle(float(self.centre @ other.centre)) + self.radius + other.radius
        if apart <= _angle(least):
            return True
        if len(self.rows) * len(other.rows) > MAX_COMPARED:
            return False
        cosines = self.vectors[self.rows] @ self.vectors[other.rows].T
        return float(cosines.min()) >= least - 1e-6

    def absorb(self, other: "_Group") -> None:
        """Adds the other group's rows."""
        before = self.centre
        self._sum = self.total + other.total
        centre = self.centre
        self.rows += other.rows
        if len(self.rows) <= MAX_MEASURED:
            self.radius = _angle(float((self.vectors[self.rows] @ centre).min()))
        else:
            self.radius = max(
                self.radius + _angle(float(centre @ before)),
                other.radius + _angle(float(centre @ other.centre)),
            )


def label_components(count: int, links: Iterable[np.ndarray]) -> np.ndarray:
    """The connected component (count,) of each of `count` contents, a number each.

    `links` are pairs (n, 2) of contents, some at a time: none is held but those.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    labels = np.arange(count, dtype=np.int32)
    for some in links:
        one, other = labels[some[:, 0]], labels[some[:, 1]]
        graph = coo_array((np.ones(len(some), bool), (one, other)), shape=(count, count))
        # Of the components so far: what was joined before stays so.
        labels = connected_components(graph, directed=False)[1].astype(np.int32)[labels]
    return labels


def join_links(links: np.ndarray, read_vectors: ReadVectors, least: float) -> Iterator[np.ndarray]:
    """The groups of two or more contents of one component; each its numbers, in order.

    `links` (m, 2) are followed in their order, the closest first. Two groups are joined only if
    every two of their contents have a cosine of `least` or more (complete linkage along the links),
    so that a chain of videos, each like the next, does not become one group.
    """
    contents, rows = np.unique(links, return_inverse=True)
    vectors = read_vectors(contents)
    owner = [_Group(vectors, row) for row in range(len(contents))]
    one_rows, other_rows = rows.reshape(links.shape).T
    for one, other in zip(one_rows.tolist(), other_rows.tolist(), strict=True):
        first, second = owner[one], owner[other]
        if first is not second and first.is_near(second, least):
            large, small = (
                (first, second) if len(first.rows) >= len(second.rows) else (second, first)
            )
            large.absorb(small)
            for row in small.rows:
                owner[row] = large
    for group in {id(group): group for group in owner}.values():
        if len(group.rows) > 1:
            yield contents[np.sort(group.rows)]


def choose_anchors(claims: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Each group and the former group whose name it keeps, by number: one each, the first come.

    `claims` are the pairs of both that have contents in common, those with the most first.
    """
    named, taken = set[int](), set[int]()
    for group, former in claims:
        if group not in named and former not in taken:
            named.add(group)
            taken.add(former)
            yield group, former


def _angle(cosine: float) -> float:
    return float(np.arccos(np.clip(cosine, -1.0, 1.0)))
