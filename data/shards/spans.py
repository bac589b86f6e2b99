"""Packs: files that stand for those of a range of numbers; what a pack covers nobody reads."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

PACK = re.compile(r"(?:.*/)?(\d{6,})-to-(\d{6,})(?:\.\w+)?")
ONE = re.compile(r"(?:.*/)?(\d{6,})(?:-\d+)?(?:\.\w+)?")


@dataclass(frozen=True, slots=True)
class Span:
    """The numbers that a name stands for, both ends included."""

    first: int
    last: int

    @property
    def ends(self) -> tuple[str, str]:
        """The first number, and the one after the last, as names begin with them."""
        return f"{self.first:06d}", f"{self.last + 1:06d}"


def pack_name(first: str, last: str) -> str:
    """The name of what stands for all from one name to another: `000003-to-000017`."""
    return f"{numbers(first).first:06d}-to-{numbers(last).last:06d}"


def numbers(name: str) -> Span:
    """The span of a name that has one."""
    found = span(name)
    assert found is not None, name
    return found


def span(name: str) -> Span | None:
    """Of a shard, a part of an ingest or a pack, with or without folder and suffix; else None."""
    if found := PACK.fullmatch(name):
        return Span(int(found[1]), int(found[2]))
    found = ONE.fullmatch(name)
    return Span(int(found[1]), int(found[1])) if found else None


def is_pack(name: str) -> bool:
    """Whether the name is that of a pack."""
    return PACK.fullmatch(name) is not None


def uncovered(names: Iterable[str]) -> list[str]:
    """The names that no pack among them stands for, in their order."""
    every = list(names)
    out = {name for name, _ in covered(every)}
    return [name for name in every if name not in out] if out else every


def covered(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Names that a pack among them stands for, each with the widest such pack."""
    every = list(names)
    if not any(map(is_pack, every)):
        return
    spans = [(found, name) for name in every if (found := span(name)) is not None]
    by_start = sorted(spans, key=lambda each: (each[0].first, -each[0].last, not is_pack(each[1])))
    pack, reach = "", -1
    for found, name in by_start:
        if found.last <= reach:
            yield name, pack
        elif is_pack(name):
            pack, reach = name, found.last
