"""Rows of videos that do not exist, for rehearsals: `fake://20?hang=1&undecodable=2&frames=8`.

`frames`, `fps`, `seconds` and `at` shape every video; `hang`, `exit`, `raise` or a failure's reason
says how many of the videos have that fault.
"""

from collections.abc import Iterator, Mapping
from urllib.parse import parse_qsl, urlencode, urlsplit

from data.errors import UserError
from data.outcome import REASONS
from data.records import Row
from engines.files.access import UrlPolicy

_SHAPE = ("frames", "fps", "seconds", "at")
_FAULTS = ("hang", "exit", "raise", *REASONS)
_COLOURS = ("red", "green", "blue", "yellow", "white", "purple", "orange")
_THINGS = ("circle", "square", "triangle", "star", "cross")
_MOTIONS = ("to the left", "to the right", "up", "down", "in a circle", "back and forth")


def accepts(source: str, policy: UrlPolicy) -> bool:
    """Whether the source is a `fake://` one."""
    return source.startswith("fake://")


def read_rows(source: str, columns: Mapping[str, str], policy: UrlPolicy) -> Iterator[Row]:
    """The rows, with the faulty videos spread evenly over them."""
    total, shape, faults = _parse_source(source)
    if len(faults) > total:
        raise UserError(f"{source} has {len(faults)} faults for {total} videos: lower their number")
    # Spread, not bunched: a rehearsal should meet its faults in every shard.
    fault_at = {n * total // len(faults): fault for n, fault in enumerate(faults)}
    for i in range(total):
        query = urlencode(shape | ({"fault": fault_at[i]} if i in fault_at else {}))
        yield Row(i, f"fake-{i:06d}", f"fake://{i}?{query}", _make_caption(i), {"number": i})


def _parse_source(source: str) -> tuple[int, dict[str, int], list[str]]:
    """The number of videos, the shape of them all, and the faults among them."""
    url = urlsplit(source)
    try:
        total = int(url.netloc)
        numbers = {name: int(number) for name, number in parse_qsl(url.query)}
    except ValueError as error:
        raise UserError(f"{source} is not like fake://20?hang=1&frames=8: {error}") from error
    unknown = sorted(set(numbers) - {*_SHAPE, *_FAULTS})
    if unknown:
        choices = ", ".join((*_SHAPE, *_FAULTS))
        raise UserError(f"{source}: unknown parameter {unknown[0]!r}; there are {choices}")
    shape = {"frames": 8} | {name: numbers.pop(name) for name in _SHAPE if name in numbers}
    return total, shape, [name for name, number in numbers.items() for _ in range(number)]


def _make_caption(i: int) -> str:
    colour, thing = _COLOURS[i % len(_COLOURS)], _THINGS[i % len(_THINGS)]
    return f"a {colour} {thing} moving {_MOTIONS[i % len(_MOTIONS)]}, take {i}"
