"""Joins pairs of near-duplicates into groups that no chain of likenesses can stretch."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

Link = tuple[str, str, float]  # two contents, and the score of their frames
ReadVectors = Callable[[Sequence[str]], np.ndarray]  # unit vectors (n, d) of contents
MAX_COMPARED = 1_000_000  # cosines of two groups that are all computed; of larger ones, bounds
MAX_MEASURED = 512  # members of a group whose radius is measured anew when it grows


class _Group:
    """Rows of unit `vectors` (n, d), all within `radius` (an angle) of the group's centre."""

    def __init__(self, vectors: np.ndarray, row: int) -> None:
        self.vectors, self.rows, self.radius = vectors, [row], 0.0
        self.total = vectors[row].astype(np.float64)

    @property
    def centre(self) -> np.ndarray:
        """The direction of the mean."""
        return self.total / max(float(np.linalg.norm(self.total)), 1e-12)

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
        self.total = self.total + other.total
        centre = self.centre
        self.rows += other.rows
        if len(self.rows) <= MAX_MEASURED:
            self.radius = _angle(float((self.vectors[self.rows] @ centre).min()))
        else:
            self.radius = max(
                self.radius + _angle(float(centre @ before)),
                other.radius + _angle(float(centre @ other.centre)),
            )


def form_groups(links: Iterable[Link], read_vectors: ReadVectors, least: float) -> list[list[str]]:
    """Groups of two or more contents, each in order; their order is that of their first content.

    Links are followed from the closest on. Two groups are joined only if every two of their
    contents have a cosine of `least` or more (complete linkage along the links), so that a chain of
    videos, each like the next, does not become one group.
    """
    order = sorted(links, key=lambda link: (-link[2], link[0], link[1]))
    groups: list[list[str]] = []
    for component in _split_components(order):
        contents = sorted({content for one, other, _ in component for content in (one, other)})
        groups += _join_links(component, contents, read_vectors(contents), least)
    return sorted(groups)


def _join_links(
    links: Sequence[Link], contents: list[str], vectors: np.ndarray, least: float
) -> list[list[str]]:
    """The groups of one component's `contents`, whose `vectors` (n, d) are in their order."""
    row_of = {content: row for row, content in enumerate(contents)}
    owner = [_Group(vectors, row) for row in range(len(contents))]
    for one, other, _ in links:
        first, second = owner[row_of[one]], owner[row_of[other]]
        if first is not second and first.is_near(second, least):
            large, small = (
                (first, second) if len(first.rows) >= len(second.rows) else (second, first)
            )
            large.absorb(small)
            for row in small.rows:
                owner[row] = large
    distinct = {id(group): group for group in owner}.values()
    return [[contents[r] for r in sorted(g.rows)] for g in distinct if len(g.rows) > 1]


def name_groups(groups: Sequence[Sequence[str]], before: Mapping[str, str]) -> list[str]:
    """The anchor of each group, which names it: a content that stays the same over nights.

    `before` has the anchor of each content that was in a group. A group keeps the anchor that most
    of its contents had, unless another group has more of these, or has the anchor itself; a new
    one takes its first content.
    """
    owner = {content: number for number, group in enumerate(groups) for content in group}
    shared = Counter((number, before[c]) for c, number in owner.items() if c in before)
    anchors: dict[int, str] = {}
    taken: set[str] = set()
    for (number, anchor), _ in sorted(shared.items(), key=lambda each: (-each[1], each[0])):
        if number not in anchors and anchor not in taken and owner.get(anchor, number) == number:
            anchors[number] = anchor
            taken.add(anchor)
    return [anchors.get(number, group[0]) for number, group in enumerate(groups)]


def _split_components(links: Sequence[Link]) -> Iterable[list[Link]]:
    """The links of each connected component, in their order: others need not be in memory."""
    parent: dict[str, str] = {}

    def find_root(content: str) -> str:
        parent.setdefault(content, content)
        while parent[content] != content:
            parent[content] = parent[parent[content]]
            content = parent[content]
        return content

    for one, other, _ in links:
        first, second = sorted((find_root(one), find_root(other)))
        parent[second] = first
    components: dict[str, list[Link]] = defaultdict(list)
    for link in links:
        components[find_root(link[0])].append(link)
    return components.values()


def _angle(cosine: float) -> float:
    return float(np.arccos(np.clip(cosine, -1.0, 1.0)))
