"""Rows of videos that do not exist, for rehearsals: `fake://20?hang=1&undecodable=2&frames=8`.

`frames`, `fps`, `seconds` and `at` shape every video; `hang`, `exit`, `raise` or a failure's reason
says how many of the videos have that fault.
"""

from collections.abc import Iterator, Mapping
from urllib.parse import parse_qsl, urlencode, urlsplit

from data.errors import UserError
from data.outcome import REASONS
from data.records import Row

_SHAPE = ("frames", "fps", "seconds", "at")
_FAULTS = ("hang", "exit", "raise", *REASONS)
_COLOURS = ("red", "green", "blue", "yellow", "white", "purple", "orange")
_THINGS = ("circle", "square", "triangle", "star", "cross")
_WAYS = ("to the left", "to the right", "up", "down", "in a circle", "back and forth")


def accepts(src: str) -> bool:
    """Whether the source is a `fake://` one."""
    return src.startswith("fake://")


def rows(src: str, columns: Mapping[str, str]) -> Iterator[Row]:
    """The rows, with the faulty videos spread evenly over them."""
    total, shape, faults = _asked(src)
    if len(faults) > total:
        raise UserError(f"{src} asks for {len(faults)} faults in {total} videos")
    at = {place * total // len(faults): fault for place, fault in enumerate(faults)}
    for i in range(total):
        query = urlencode(shape | ({"fault": at[i]} if i in at else {}))
        yield Row(i, f"fake-{i:06d}", f"fake://{i}?{query}", _caption(i), {"number": i})


def _asked(src: str) -> tuple[int, dict[str, int], list[str]]:
    """How many videos, what shapes them all, and the faults wanted among them."""
    asked = urlsplit(src)
    try:
        total = int(asked.netloc)
        numbers = {name: int(number) for name, number in parse_qsl(asked.query)}
    except ValueError as error:
        raise UserError(f"{src} is not like fake://20?hang=1&frames=8: {error}") from error
    unknown = sorted(set(numbers) - {*_SHAPE, *_FAULTS})
    if unknown:
        raise UserError(f"{src}: {unknown[0]} is none of {', '.join((*_SHAPE, *_FAULTS))}")
    shape = {"frames": 8} | {name: numbers.pop(name) for name in _SHAPE if name in numbers}
    return total, shape, [name for name, number in numbers.items() for _ in range(number)]


def _caption(i: int) -> str:
    colour, thing = _COLOURS[i % len(_COLOURS)], _THINGS[i % len(_THINGS)]
    return f"a {colour} {thing} moving {_WAYS[i % len(_WAYS)]}, take {i}"
