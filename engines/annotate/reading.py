"""The loop of every annotator: parts of a video go to its reader, which then gives its texts."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Generic, Protocol, TypeVar

from data.outcome import Done, Outcome
from data.records import Video
from data.store.texts import Annotation
from engines.video.guard.guard import DecodeStats

Part = TypeVar("Part", contravariant=True)


class Reader(Protocol[Part]):
    """Reads one video, part by part: frames or blocks of sound."""

    def add(self, part: Part) -> None:
        """Takes the next part."""
        ...

    def finish(self) -> Annotation:
        """The texts of the whole video."""
        ...


class _Clock(Generic[Part]):
    """A reader, and the seconds that it takes."""

    def __init__(self, reader: Reader[Part]) -> None:
        self.reader, self.seconds = reader, 0.0

    def add(self, part: Part) -> None:
        started = time.perf_counter()
        self.reader.add(part)
        self.seconds += time.perf_counter() - started

    def finish(self, stats: DecodeStats) -> Annotation:
        started = time.perf_counter()
        annotation = self.reader.finish()
        self.seconds += time.perf_counter() - started
        spent = {"read": stats.read_s, "decode": stats.decode_s, "model": self.seconds}
        return replace(annotation, seconds=spent)


def read_each(
    events: Iterable[tuple[Video, Part] | Outcome[DecodeStats]],
    open_reader: Callable[[], Reader[Part]],
) -> Iterator[Outcome[Annotation]]:
    """An outcome for each video of a guard's events; a video that fails to decode fails here."""
    clock: _Clock[Part] | None = None
    for event in events:
        clock = clock or _Clock(open_reader())
        if isinstance(event, tuple):
            clock.add(event[1])
            continue
        if isinstance(event, Done):
            yield Done(event.id, clock.finish(event.value))
        else:
            yield event
        clock = None
