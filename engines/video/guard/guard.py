"""Decodes in killable processes with a deadline and a memory limit."""

import threading
from collections.abc import Iterable, Iterator
from contextvars import copy_context
from dataclasses import asdict, dataclass
from typing import Self

from data.outcome import Outcome
from data.records import Probe, Video
from engines.files.access import STRICT, UrlPolicy
from engines.video.frames import Frames, Resize, Sampling
from engines.video.guard.attempts import Attempts
from engines.video.guard.pool import WorkerPool
from engines.video.guard.protocol import Header
from engines.video.guard.queue import Cancelled, Job, JobQueue
from engines.video.guard.source import describe_source
from engines.video.sound import Sound
from engines.worker import WorkerSetup

VIDEOS_AHEAD = 8  # per process: how many may wait behind a slow one
MAX_CHUNK = 32
BUFFER_FRAMES = 256


@dataclass(frozen=True, slots=True)
class DecodeStats:
    """Decoding one video: frames kept, seconds of reading and of decoding, its duration.

    `fps` is the rate that its container states or suggests; `damaged` packets gave no frame.
    """

    frames: int
    read_s: float
    decode_s: float
    duration: float | None
    fps: float | None = None
    damaged: int = 0


class Guard:
    """Up to `workers` decoder processes, started when needed; several threads may share them.

    `deadline_s` bounds the wait for a process's next message; time spent waiting for the consumer
    does not count. A video may use `memory_gb` on top of what the imports use; a call holds at
    most (`workers` + 1) × `buffer_frames` frames.
    """

    def __init__(
        self,
        workers: int,
        deadline_s: float = 60.0,
        memory_gb: float = 4.0,
        buffer_frames: int = BUFFER_FRAMES,
        policy: UrlPolicy = STRICT,
    ) -> None:
        self.workers, self.deadline_s, self.buffer_frames = workers, deadline_s, buffer_frames
        # In every request, as a process may be a new one.
        self._limits: Header = {"memory_gb": memory_gb, "policy": asdict(policy)}
        self._chunk = max(1, min(MAX_CHUNK, buffer_frames))
        self._pool, self._attempts = WorkerPool(workers, deadline_s), Attempts(deadline_s)

    @classmethod
    def for_worker(cls, setup: WorkerSetup, buffer_frames: int = BUFFER_FRAMES) -> Self:
        """The guard that a worker is set up to have."""
        memory_gb, policy = setup.decoder_memory_gb, setup.url_policy
        return cls(setup.decoders, setup.decode_deadline_s, memory_gb, buffer_frames, policy)

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
        self, videos: Iterable[tuple[Video, Sampling]], resize: Resize | None, decoder: str = "pyav"
    ) -> Iterator[tuple[Video, Frames] | Outcome[DecodeStats]]:
        """As `decode`, each video sampled in its own way."""
        request = self._limits | {"op": "decode", "decoder": decoder, "chunk": self._chunk}
        request |= {"resize": resize and asdict(resize)}
        jobs = (
            Job(v.id, v, request | {"uri": v.uri, "source": describe_source(v),
                                    "sampling": asdict(sampling)}, _parse_stats)
            for v, sampling in videos
        )  # fmt: skip
        for job, event in self._run_in_order(jobs):
            yield (job.item, event) if isinstance(event, Frames) else event

    def decode_sound(
        self, videos: Iterable[Video]
    ) -> Iterator[tuple[Video, Sound] | Outcome[DecodeStats]]:
        """All sound of the first video in order, then its outcome; then that of the next.

        Blocks count as frames of the buffer. Without an audio track the outcome has 0 frames.
        """
        request = self._limits | {"op": "sound"}
        jobs = (
            Job(v.id, v, request | {"uri": v.uri, "source": describe_source(v)}, _parse_stats)
            for v in videos
        )
        for job, event in self._run_in_order(jobs):
            if isinstance(event, Frames):
                yield job.item, Sound(float(event.seconds[0]), event.pixels[0])
            else:
                yield event

    def probe(self, videos: Iterable[tuple[str, str]]) -> Iterator[Outcome[Probe]]:
        """One outcome for each (id, uri), in order."""
        request = self._limits | {"op": "probe"}
        jobs = (Job(id, None, request | {"uri": uri}, _parse_probe) for id, uri in videos)
        return self._run_outcomes(jobs)

    def run_module(self, module: str, calls: Iterable[tuple[str, Header]]) -> Iterator[Outcome]:
        """The result of `work(**arguments)` in one of our modules, for each (id, arguments)."""
        request = self._limits | {"op": "work", "module": module}
        jobs = (Job(id, None, request | {"uri": id, "arguments": a}, dict) for id, a in calls)
        return self._run_outcomes(jobs)

    def close(self) -> None:
        """Kills all processes at once; calls under way raise."""
        self._pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _run_outcomes(self, jobs: Iterable[Job]) -> Iterator[Outcome]:
        for _, event in self._run_in_order(jobs):
            assert not isinstance(event, Frames)
            yield event

    def _run_in_order(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, Frames | Outcome]]:
        queue, threads = JobQueue(self.workers, self.buffer_frames), list[threading.Thread]()
        try:
            for job in jobs:
                queue.add(job)
                if len(threads) < self.workers:
                    # With the caller's context, so that log lines are attributed to its task run.
                    run, args = copy_context().run, (self._serve_queue, queue)
                    threads.append(threading.Thread(target=run, args=args, daemon=True))
                    threads[-1].start()
                while len(queue.jobs) > VIDEOS_AHEAD * self.workers:
                    yield from queue.drain_first()
            while queue.jobs:
                yield from queue.drain_first()
        finally:
            self._pool.cancel_jobs(queue)
            for thread in threads:
                thread.join()

    def _serve_queue(self, queue: JobQueue) -> None:
        try:
            while queue.wait_for_job():
                with self._pool.lend_worker(queue) as worker:
                    # Only now, so that jobs start in order and the first one has a process.
                    if job := queue.start_next():
                        queue.finish(job, self._attempts.run_job(queue, job, worker))
        except Cancelled:
            pass
        except BaseException as error:
            queue.cancel(error)


def _parse_stats(value: Header) -> DecodeStats:
    return DecodeStats(**value)


def _parse_probe(value: Header) -> Probe:
    return Probe(**value)
