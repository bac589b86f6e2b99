"""The split stage's engine: decodes every frame, small, and gives the spans of a video's shots."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from data.outcome import Done, Failed, Outcome
from data.records import Video
from data.specs.split import SplitSpec
from engines.base import load_plugin
from engines.split.protocol import Detector, Scan
from engines.split.spans import Span, build_spans
from engines.video.frames import Frames, Sampling
from engines.video.guard.guard import DecodeStats, Guard
from engines.worker import WorkerSetup


@dataclass(frozen=True, slots=True)
class Shots:
    """A video's shots in seconds from its start, the frames looked at, and where time went."""

    spans: tuple[Span, ...]
    frames: int = 0
    read_s: float = 0.0
    decode_s: float = 0.0
    model_s: float = 0.0


class ShotSplitter:
    """Finds shots by the method of a spec; frames are looked at as they are decoded, none kept."""

    def __init__(self, spec: SplitSpec, setup: WorkerSetup) -> None:
        self.spec, self.setup, self.needs = spec, setup, setup.needs
        self._plugin = load_plugin("split.methods", spec.method)

    def load(self) -> None:
        """Loads the method; decoder processes start with the first batch."""
        self.guard = Guard.for_worker(self.setup)
        self.detector: Detector = self._plugin.Detector(self.spec)
        self.detector.load()

    def run(self, batch: Sequence[Video]) -> Iterator[Outcome[Shots]]:
        """One outcome per video, in order."""
        if self._plugin.RESIZE is None:
            yield from map(self._split_blindly, batch)
            return
        scans = {video.id: _TimedScan(self.detector, video.duration) for video in batch}
        for event in self.guard.decode(batch, Sampling(every_nth=1), self._plugin.RESIZE):
            if isinstance(event, Done):
                yield self._finish(scans.pop(event.id), event)
            elif isinstance(event, Failed):
                scans.pop(event.id)
                yield event
            else:
                scans[event[0].id].add(event[1])

    def close(self) -> None:
        """Ends the decoder processes."""
        self.guard.close()

    def _split_blindly(self, video: Video) -> Outcome[Shots]:
        if not video.duration:
            detail = "its duration is unknown: ingest its corpus again with --probe"
            return Failed(video.id, "rejected", detail)
        cuts = self.detector.open_scan(video.duration).find_cuts()
        return Done(video.id, Shots(tuple(build_spans(cuts, video.duration, self.spec))))

    def _finish(self, scan: "_TimedScan", event: Done[DecodeStats]) -> Outcome[Shots]:
        stats, cuts = event.value, scan.find_cuts()
        duration = max(stats.duration or 0.0, scan.last + 1 / (stats.fps or 25.0))
        spans = build_spans(cuts, duration, self.spec)
        shots = Shots(tuple(spans), stats.frames, stats.read_s, stats.decode_s, scan.seconds)
        return Done(event.id, shots)


class _TimedScan:
    """A scan, opened with the first frames: videos behind a slow one hold nothing."""

    def __init__(self, detector: Detector, duration: float | None) -> None:
        self._detector, self._duration = detector, duration
        self._scan: Scan | None = None
        self.seconds, self.last = 0.0, 0.0

    def add(self, frames: Frames) -> None:
        started = time.perf_counter()
        self._open().add(frames)
        self.last = float(frames.seconds[-1])
        self.seconds += time.perf_counter() - started

    def find_cuts(self) -> list[float]:
        started = time.perf_counter()
        cuts = self._open().find_cuts()
        self.seconds += time.perf_counter() - started
        return cuts

    def _open(self) -> Scan:
        self._scan = self._scan or self._detector.open_scan(self._duration)
        return self._scan
