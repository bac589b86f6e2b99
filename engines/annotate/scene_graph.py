"""Sentences about the objects of a frame: where they are, how many, and how they lie.

Video-RAG (arXiv 2411.13093) writes one sentence an object, one a pair and one a label. Here all
relations of a pair are kept, where the published graph keeps the last, and those that say the same
of several objects are one sentence.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from data.specs.annotate import PARTS

Box = tuple[int, int, int, int]  # left, top, right, bottom, in thousandths of the picture


@dataclass(frozen=True, slots=True)
class Found:
    """An object in a frame."""

    label: str
    score: float
    box: Box


def describe_scene(objects: Sequence[Found], parts: Iterable[str] = PARTS) -> str:
    """The sentences of a frame, one a line; empty where there is nothing to say.

    `parts` are what is asked for, of location, number and relation.
    """
    wanted = set(parts)
    lines: list[str] = []
    if "location" in wanted:
        lines += [_describe_place(number, each) for number, each in enumerate(objects)]
    if "relation" in wanted:
        lines += _describe_relations(objects)
    if "number" in wanted and objects:
        counts = Counter(each.label for each in objects)
        lines.append("In view: " + ", ".join(f"{n} x {label}" for label, n in counts.items()))
    return "\n".join(lines)


def _describe_place(number: int, found: Found) -> str:
    left, top, right, bottom = found.box
    size = f"{right - left} x {bottom - top}"
    return f"Object {number} ({found.label}) is at [{left}, {top}] and is {size} large."


def _describe_relations(objects: Sequence[Found]) -> list[str]:
    """A sentence for each kind of relation between labels, with its count where there are many."""
    counts: Counter[tuple[str, str, str]] = Counter()
    for number, first in enumerate(objects):
        for second in objects[number + 1 :]:
            for relation in find_relations(first.box, second.box):
                counts[first.label, relation, second.label] += 1
    return [
        f"{first} {relation} {second}" + (f" ({count} pairs)" if count > 1 else "")
        for (first, relation, second), count in counts.items()
    ]


def find_relations(first: Box, second: Box) -> list[str]:
    """All relations of two boxes, from left of to overlaps; none where they only touch.

    y grows downwards.
    """
    (l1, t1, r1, b1), (l2, t2, r2, b2) = first, second
    known = {
        "is left of": r1 < l2,
        "is right of": l1 > r2,
        "is above": b1 < t2,
        "is below": t1 > b2,
        "overlaps": l1 < r2 and l2 < r1 and t1 < b2 and t2 < b1,
    }
    return [name for name, holds in known.items() if holds]


def keep_best(
    objects: Sequence[Found], overlap: float, per_label: int, per_frame: int
) -> list[Found]:
    """The surest objects: of each label at most so many, none over another by so much; of all.

    `overlap` is the share of common area of two boxes of a label (IoU) above which the less sure
    one goes.
    """
    kept: list[Found] = []
    for each in sorted(objects, key=lambda found: -found.score):
        same = [other for other in kept if other.label == each.label]
        is_new = all(measure_iou(each.box, other.box) <= overlap for other in same)
        if is_new and len(same) < per_label and len(kept) < per_frame:
            kept.append(each)
    return kept


def measure_iou(first: Box, second: Box) -> float:
    """Common area over joint area; 0 of boxes without an area."""
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    common = max(width, 0) * max(height, 0)
    joint = sum((b[2] - b[0]) * (b[3] - b[1]) for b in (first, second)) - common
    return common / joint if joint > 0 else 0.0
