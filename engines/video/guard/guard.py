"""Decoding where it can be killed: child processes with a deadline and a memory limit."""

import logging
import threading
from collections.abc import Iterable, Iterator
from contextvars import copy_context
from dataclasses import asdict, dataclass
from typing import Self

from data.errors import UserError
from data.outcome import Done, Failed, Outcome
from data.records import Probe, Video
from engines.video.frames import Frames, Resize, Sampling
from engines.video.guard.child import Child, Died
from engines.video.guard.pool import Crew
from engines.video.guard.protocol import Header, read_frames
from engines.video.guard.queue import Cancelled, Job, Line

AHEAD = 8  # videos per worker that may wait behind a slow one
CHUNK = 32

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DecodeStats:
    """What one video took: its frames kept, seconds of reading and of decoding, its duration.

    `fps` is the rate that its container says or suggests.
    """

    frames: int
    read_s: float
    decode_s: float
    duration: float | None
    fps: float | None = None


class DecoderError(RuntimeError):
    """A mistake in the program, not in a file; the text is the child's traceback."""


class Guard:
    """Up to `workers` child processes, started when needed; several threads may share them.

    `deadline_s` bounds the wait for a child's next message; time spent waiting for the consumer
    does not count. A video may take `memory_gb` on top of what the imports took; a call holds at
    most (`workers` + 1) × `buffer_frames` frames.
    """

    def __init__(
        self,
        workers: int,
        deadline_s: float = 60.0,
        memory_gb: float = 4.0,
        buffer_frames: int = 256,
    ) -> None:
        self.workers, self.deadline_s, self.buffer_frames = workers, deadline_s, buffer_frames
        self.memory_gb = memory_gb
        self._crew = Crew(workers, deadline_s)

    def decode(
        self,
        videos: Iterable[Video],
        sampling: Sampling,
        resize: Resize | None,
        decoder: str = "pyav",
    ) -> Iterator[tuple[Video, Frames] | Outcome[DecodeStats]]:
        """All frames of the first video in order, then its outcome; then those of the next."""
        yield from self.decode_each(((video, sampling) for video in videos), resize, decoder)

    def decode_each(
        self,
        videos: Iterable[tuple[Video, Sampling]],
        resize: Resize | None,
        decoder: str = "pyav",
    ) -> Iterator[tuple[Video, Frames] | Outcome[DecodeStats]]:
        """As `decode`, each video sampled in its own way."""
        chunk = max(1, min(CHUNK, self.buffer_frames))
        asked = {"op": "decode", "decoder": decoder, "chunk": chunk, "memory_gb": self.memory_gb}
        asked |= {"resize": resize and asdict(resize)}
        jobs = (
            Job(v.id, v, asked | {"uri": v.uri, "sampling": asdict(sampling)}, _stats)
            for v, sampling in videos
        )
        for job, event in self._ordered(jobs):
            yield (job.item, event) if isinstance(event, Frames) else event

    def probe(self, videos: Iterable[tuple[str, str]]) -> Iterator[Outcome[Probe]]:
        """One outcome for each (id, uri), in order."""
        asked = {"op": "probe", "memory_gb": self.memory_gb}
        jobs = (Job(id, None, asked | {"uri": uri}, _probed) for id, uri in videos)
        for _, event in self._ordered(jobs):
            assert not isinstance(event, Frames)
            yield event

    def work(self, module: str, asked: Iterable[tuple[str, Header]]) -> Iterator[Outcome[Header]]:
        """What `work(**asked)` of one of our modules gives, for each (id, asked), in order."""
        said = {"op": "work", "module": module, "memory_gb": self.memory_gb}
        jobs = (Job(id, None, said | {"uri": id, "asked": each}, dict) for id, each in asked)
        for _, event in self._ordered(jobs):
            assert not isinstance(event, Frames)
            yield event

    def close(self) -> None:
        """Ends all children at once; calls under way raise."""
        self._crew.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _ordered(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, Frames | Outcome]]:
        line, threads = Line(self.workers, self.buffer_frames), list[threading.Thread]()
        try:
            for job in jobs:
                line.add(job)
                if len(threads) < self.workers:
                    told = copy_context().run  # so that what is logged is known as the caller's
                    work = threading.Thread(target=told, args=(self._work, line), daemon=True)
                    threads.append(work)
                    work.start()
                while len(line.jobs) > AHEAD * self.workers:
                    yield from line.head()
            while line.jobs:
                yield from line.head()
        finally:
            self._crew.leave(line)
            for thread in threads:
                thread.join()

    def _work(self, line: Line) -> None:
        try:
            while line.ready():
                with self._crew.lend(line) as child:
                    # Only now, so that jobs start in order and the head of the line has a child.
                    if job := line.start():
                        self._serve(line, job, child)
        except Cancelled:
            pass
        except BaseException as error:
            line.cancel(error)

    def _serve(self, line: Line, job: Job, child: Child) -> None:
        """Asks a child, and once more if it dies of the question."""
        for attempt in (1, 2):
            try:
                line_end = self._answer(line, job, child)
            except TimeoutError:
                line_end = Failed(job.id, "timeout", f"no sign of life for {self.deadline_s:g} s")
            except Died as death:
                if line.cancelled:
                    raise Cancelled from death
                line_end = Failed(job.id, "crashed", f"{death}, twice")
                if attempt == 1:
                    log.warning("video %s is tried once more: %s", job.id, death)
                    continue
            return line.end(job, line_end)

    def _answer(self, line: Line, job: Job, child: Child) -> Outcome:
        for header, body in child.ask(job.request, lambda: not line.cancelled):
            match header["kind"]:
                case "frames":
                    self._pass_on(line, job, read_frames(header, body))
                case "done":
                    return Done(job.id, job.done(header["value"]))
                case "failed":
                    return Failed(job.id, header["reason"], header["detail"])
                case "mend":
                    raise UserError(header["detail"])
                case "error":
                    raise DecoderError(f"{job.request['uri']}\n{header['traceback']}")
        raise AssertionError("a child's answer has an end")

    def _pass_on(self, line: Line, job: Job, frames: Frames) -> None:
        """Puts what a first attempt had not put already."""
        new = frames.index > job.last
        if new.all():
            line.put(job, frames)
        elif new.any():
            line.put(job, Frames(frames.index[new], frames.seconds[new], frames.pixels[new]))


def _stats(value: Header) -> DecodeStats:
    return DecodeStats(**value)


def _probed(value: Header) -> Probe:
    return Probe(**value)
