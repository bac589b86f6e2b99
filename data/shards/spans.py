"""Names of packs: files that each stand for the files of a range of numbers, which nobody reads."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

PACK = re.compile(r"(?:.*/)?(\d{6,})-to-(\d{6,})(?:\.\w+)?")
SINGLE = re.compile(r"(?:.*/)?(\d{6,})(?:-\d+)?(?:\.\w+)?")


@dataclass(frozen=True, slots=True)
class Span:
    """The numbers that a name stands for, both ends included."""

    first: int
    last: int

    @property
    def ends(self) -> tuple[str, str]:
        """The first number and the one after the last, formatted as names begin with them."""
        return f"{self.first:06d}", f"{self.last + 1:06d}"


def pack_name(first: str, last: str) -> str:
    """The name of the pack that stands for all from one name to another: `000003-to-000017`."""
    return f"{parse_span(first).first:06d}-to-{parse_span(last).last:06d}"


def parse_span(name: str) -> Span:
    """The span of a name that is known to have one."""
    span = find_span(name)
    assert span is not None, name
    return span


def find_span(name: str) -> Span | None:
    """The span of a shard, a part of an ingest or a pack; None for any other name.

    Folder and suffix do not matter.
    """
    if match := PACK.fullmatch(name):
        return Span(int(match[1]), int(match[2]))
    match = SINGLE.fullmatch(name)
    return Span(int(match[1]), int(match[1])) if match else None


def is_pack(name: str) -> bool:
    """Whether the name is that of a pack."""
    return PACK.fullmatch(name) is not None


def drop_covered(names: Iterable[str]) -> list[str]:
    """The names that no pack among them stands for, in their order."""
    all_names = list(names)
    covered = {name for name, _ in find_covered(all_names)}
    return [name for name in all_names if name not in covered]


def find_covered(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """The names that a pack among them stands for, each with the widest such pack."""
    all_names = list(names)
    if not any(map(is_pack, all_names)):  # the usual case, for tens of thousands of shards
        return
    spans = [(span, name) for name in all_names if (span := find_span(name)) is not None]
    # By their start, wider ones first, and a pack before the files of the same numbers: whatever
    # a pack covers comes after it.
    spans.sort(key=lambda each: (each[0].first, -each[0].last, not is_pack(each[1])))
    pack, covered_to = "", -1
    for span, name in spans:
        if span.last <= covered_to:
            yield name, pack
        elif is_pack(name):
            pack, covered_to = name, span.last
