"""The refine stage's engine: decodes each video once, and takes it from pass to pass."""

import logging
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import attrgetter

import numpy as np

from data.outcome import Done, Failed, Outcome, Reason
from data.records import Video
from data.runs.evaluations import Target
from data.runs.refinements import PlannedPass
from data.specs.refine import RefineSpec
from engines.device import limit_threads
from engines.memory import is_out_of_memory
from engines.refine.loop import RefineError, Subject, iterate_passes
from engines.refine.plugins import build_corruption, build_refiner
from engines.refine.result import RefinedVideo, build_result
from engines.refine.scratch import Scratch
from engines.video.frames import Sampling
from engines.video.guard.guard import DecodeStats, Guard
from engines.worker import WorkerSetup

MAX_BYTES = 4 << 30  # decoded frames of one video, of which a float32 copy is four times as large
AHEAD = 32  # frames that a decoder may buffer ahead

log = logging.getLogger(__name__)


class VideoRefiner:
    """Refines videos, and gives each after every number of passes that is asked for.

    A video's passes must come one after the other in a batch, or it is decoded and refined from
    its start for each batch that has some. Clips never share a model batch: the bits of one do
    not depend on the others.
    """

    def __init__(self, spec: RefineSpec, setup: WorkerSetup) -> None:
        self.spec, self.setup, self.needs = spec, setup, setup.needs
        self.refiner, self.corruption = build_refiner(spec), build_corruption(spec)
        self._lock = threading.Lock()

    def load(self) -> None:
        self.guard = Guard.for_worker(self.setup, AHEAD)
        self.refiner.load()
        if "torch" in sys.modules:  # the last bits of a sum depend on how many threads share it
            limit_threads()
        log.info("refines by %s", self.spec.refiner)

    def run(self, batch: Sequence[PlannedPass]) -> Iterator[Outcome[RefinedVideo]]:
        """Yields one outcome per pass, those of a video in the order of their numbers."""
        for _, group in groupby(batch, key=attrgetter("target.id")):
            passes = sorted(group, key=attrgetter("number"))
            done: set[str] = set()
            try:
                for outcome in self._refine_video(passes):
                    done.add(outcome.id)
                    yield outcome
            except Exception as error:
                failed = _explain_error(error)
                yield from (Failed(each.id, *failed) for each in passes if each.id not in done)

    def close(self) -> None:
        self.guard.close()

    def _refine_video(self, passes: list[PlannedPass]) -> Iterator[Outcome[RefinedVideo]]:
        target, wanted = passes[0].target, {each.number: each.id for each in passes}
        with Scratch() as scratch:
            clip, fps = self._decode(target, scratch)
            subject = Subject(target.content, target.asked.get("prompt", ""), fps or 0.0)
            states = iterate_passes(
                self.spec, self.refiner, self.corruption, subject, clip, scratch
            )
            started = time.perf_counter()
            for number in range(max(wanted) + 1):
                with self._lock:  # two batches may run at once, a model serves only one
                    state = next(states)
                if number in wanted:
                    seconds = time.perf_counter() - started
                    yield Done(wanted[number], build_result(state, fps, seconds))
                    started = time.perf_counter()

    def _decode(self, target: Target, scratch: Scratch) -> tuple[np.ndarray, float | None]:
        """The video's clip (T, H, W, 3) float32 from 0 to 1, and its frame rate."""
        sampling = Sampling(every_nth=1, first=self.spec.frames, max_bytes=MAX_BYTES)
        stats: list[DecodeStats] = []

        def read_parts() -> Iterator[np.ndarray]:
            video = Video(target.id, target.uri, target.content)
            for event in self.guard.decode([video], sampling, None):
                if isinstance(event, Failed):
                    raise _Undecodable(event)
                if isinstance(event, Done):
                    stats.append(event.value)
                else:
                    yield event[1].pixels

        clip = scratch.join_bytes(read_parts())
        return clip, stats[0].fps


class _Undecodable(Exception):
    """A video that cannot be decoded, with its outcome."""

    def __init__(self, failed: Failed) -> None:
        super().__init__(failed.detail)
        self.failed = failed


def _explain_error(error: Exception) -> tuple[Reason, str]:
    """The reason and detail of an error that one video is to blame for; raises any other."""
    if isinstance(error, _Undecodable):
        return error.failed.reason, error.failed.detail
    if isinstance(error, RefineError):
        return "rejected", str(error)
    if is_out_of_memory(error):
        return "out_of_memory", "no memory left for this video; if it recurs, use fewer --frames"
    raise error
