"""The loop of every annotator: parts of a video go to its reader, which then gives its texts."""

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Generic, Protocol, TypeVar

from data.errors import UserError
from data.outcome import Done, Failed, Outcome, Reason
from data.records import Video
from data.store.texts import Annotation
from engines.memory import is_out_of_memory
from engines.video.guard.guard import DecodeStats

log = logging.getLogger(__name__)

Part = TypeVar("Part", contravariant=True)
T = TypeVar("T")


class ReadError(Exception):
    """A video that its reader cannot read: `reason` as in data.outcome, a text for a person."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class Reader(Protocol[Part]):
    """Reads one video, part by part: frames or blocks of sound. Both may raise a ReadError."""

    def add(self, part: Part) -> None:
        """Takes the next part."""
        ...

    def finish(self) -> Annotation:
        """The texts of the whole video."""
        ...


class _Clock(Generic[Part]):
    """A reader, the seconds that it takes, and why it read no further."""

    def __init__(self, reader: Reader[Part]) -> None:
        self.reader, self.seconds = reader, 0.0
        self.fault: ReadError | None = None

    def add(self, part: Part) -> None:
        if self.fault is None:  # else the rest of the video only passes by
            self._run(lambda: self.reader.add(part))

    def finish(self, id: str, stats: DecodeStats) -> Outcome[Annotation]:
        annotation = self._run(self.reader.finish) if self.fault is None else None
        if self.fault is not None or annotation is None:
            fault = self.fault or ReadError("crashed", "the reader gave nothing")
            return Failed(id, fault.reason, str(fault))
        spent = {"read": stats.read_s, "decode": stats.decode_s, "model": self.seconds}
        return Done(id, replace(annotation, seconds=spent))

    def _run(self, step: Callable[[], T]) -> T | None:
        started = time.perf_counter()
        try:
            return step()
        except ReadError as error:
            self.fault = error
        except UserError:  # nobody's video: a model that is missing, a server that is gone
            raise
        except Exception as error:  # whatever a model makes of one video costs the others nothing
            log.warning("a reader failed on a video", exc_info=True)
            reason: Reason = "out_of_memory" if is_out_of_memory(error) else "crashed"
            self.fault = ReadError(reason, f"{type(error).__name__}: {error}")
        finally:
            self.seconds += time.perf_counter() - started
        return None


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
            yield clock.finish(event.id, event.value)
        else:
            yield event
        clock = None
