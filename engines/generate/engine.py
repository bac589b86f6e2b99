"""The generate stage's engine: decodes each request's clips, generates batches, gives mp4 files."""

import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace

import numpy as np

from data.batches import iter_batches
from data.errors import UserError
from data.outcome import Done, Failed, Outcome
from data.records import Request, UsedClip
from data.specs.pipeline import EmbedSpec, GenerateSpec
from data.store.motion_features import StoredFeatures
from engines.base import load_plugin
from engines.embed.batching import FittingBatch
from engines.embed.stored_vectors import StoredVectors
from engines.generate.clips import ClipError, ClipLoader
from engines.generate.protocol import ABSENT, Attribution, Clip, Generator, Speed
from engines.generate.result import GeneratedVideo, SkippedClip
from engines.memory import is_out_of_memory
from engines.video.guard.guard import Guard
from engines.worker import WorkerSetup


@dataclass(frozen=True, slots=True)
class GenerateSetup(WorkerSetup):
    """How a generating worker is set up: speed only; `batch` videos are made at once at most."""

    batch: int = 1
    speed: Speed = field(default_factory=Speed)


class VideoGenerator:
    """Generates the videos of requests; two threads may run batches: one decodes, one generates.

    `clip` is the model whose frame vectors the generator takes, if it takes any; those that are
    `stored` are not embedded again. Of clips with `features` of their motion, nothing is decoded.
    """

    def __init__(
        self,
        spec: GenerateSpec,
        clip: EmbedSpec,
        setup: GenerateSetup,
        stored: StoredVectors | None = None,
        features: StoredFeatures | None = None,
    ) -> None:
        self.spec, self.clip, self.setup, self.needs = spec, clip, setup, setup.needs
        self.stored, self.features, self._reported = stored, features, Counter[str]()
        self.model: Generator = load_plugin("generate.generators", spec.engine).Generator(spec)
        self._fitting = FittingBatch(setup.batch)
        self._lane = threading.Lock()

    def load(self) -> None:
        setup, inputs = self.setup, self.model.clip_inputs
        self.guard = Guard.for_worker(setup)
        self._clips: ClipLoader | None = None
        if (inputs.pixels or inputs.tokens) and self.spec.retrieve.k:
            lookups = self.stored, self.features
            self._clips = ClipLoader(self.spec, self.clip, inputs, self.guard, *lookups)
            self._clips.load(setup.speed.threads)
        self.model.load(setup.speed, setup.url_policy)

    def run(self, batch: Sequence[Request]) -> Iterator[Outcome[GeneratedVideo]]:
        """One outcome per request; each batch of videos as soon as it is generated."""
        eligible: list[Request] = []
        for request in batch:
            if reason := self._explain_rejection(request):
                yield _reject_request(request, reason)
            else:
                eligible.append(request)
        for requests in iter_batches(eligible, self._fitting.size):
            yield from self._generate_batch(requests)

    def close(self) -> None:
        self.guard.close()

    def _generate_batch(self, requests: list[Request]) -> Iterator[Outcome[GeneratedVideo]]:
        """The outcomes of as many requests as are generated at once."""
        from engines.video.writing import encode_mp4

        jobs = []
        for request in requests:
            try:
                jobs.append(self._read_sources(request))
            except ClipError as fault:
                yield Failed(request.id, fault.reason, str(fault))
        # A model that starts from a picture may have lost the only clip that it could start from.
        rejected = {
            request.id: _reject_request(request, reason)
            for request, _, skipped in jobs
            if skipped and (reason := self._explain_rejection(request))
        }
        yield from rejected.values()
        jobs = [job for job in jobs if job[0].id not in rejected]
        if not jobs:
            return

        def generate(rows: np.ndarray) -> np.ndarray:
            return self.model.generate([jobs[n][0] for n in rows], [jobs[n][1] for n in rows])

        with self._lane:
            started = time.perf_counter()
            videos = self._apply_fitting(generate, len(jobs))
            seconds = (time.perf_counter() - started) / len(jobs)
            cache_use = self._count_cache_use()
        for (request, clips, skipped), frames in zip(jobs, videos, strict=True):
            attribution = self.model.attribute(request, clips)
            used = _list_used(clips, attribution)
            height, width = frames.shape[1:3]
            video = encode_mp4(frames, self.spec.fps)
            value = GeneratedVideo(
                video, len(frames), width, height, seconds, used, attribution.image,
                len(clips) - sum(clip.key == ABSENT for clip in clips), skipped, cache_use,
            )  # fmt: skip
            yield Done(request.id, value)
            cache_use = {}  # the batch's counts go with its first video, else sums count them twice

    def _explain_rejection(self, request: Request) -> str | None:
        with self._lane:  # a tokenizer is not for two threads at once
            return self.model.explain_rejection(request)

    def _count_cache_use(self) -> dict[str, int]:
        """Counts of what was computed and what caches had, since the last call."""
        totals = Counter(asdict(self.model.cache_use))
        if self._clips is not None:
            totals.update(asdict(self._clips.count_cache_use()))
        new, self._reported = totals - self._reported, totals
        return dict(new)

    def _apply_fitting(
        self, generate: Callable[[np.ndarray], np.ndarray], count: int
    ) -> np.ndarray:
        """The videos of `count` requests, in batches halved until they fit in memory."""
        try:
            return self._fitting.apply(generate, np.arange(count))
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            spec = self.spec
            raise UserError(
                f"out of memory for a single video of {spec.frames} frames of {spec.width}x"
                f"{spec.height}: set REELFLOW_OFFLOAD=true, or use a smaller --size"
            ) from error

    def _read_sources(
        self, request: Request
    ) -> tuple[Request, Sequence[Clip], tuple[SkippedClip, ...]]:
        """The request with the sources that can be read, their clips, and those skipped.

        A ClipError where storage does not answer: a video without its clips would pass for one with
        them, and a later attempt may have them.
        """
        skipped: list[SkippedClip] = []
        # A picture of the request's own may take the place of the clips: none is decoded in vain.
        replaced = request.image is not None and self.model.image_replaces_clips
        if self._clips is None or replaced:
            return request, (), ()
        # One source fewer each time; clips that were read already come from the cache.
        while request.sources:
            try:
                return request, self._clips.load_clips(request), tuple(skipped)
            except ClipError as fault:
                if fault.reason == "unreachable":
                    raise
                skipped.append(SkippedClip(fault.video_id, fault.detail))
                rest = tuple(s for s in request.sources if s.video_id != fault.video_id)
                assert len(rest) < len(request.sources)
                request = replace(request, sources=rest)
        return request, (), tuple(skipped)


def _reject_request(request: Request, why: str) -> Failed:
    """The outcome of a rejected request; a count of tokens in `why` marks a prompt as too long."""
    return Failed(request.id, "too_long" if re.search(r"\d tokens", why) else "rejected", why)


def _list_used(clips: Sequence[Clip], attribution: Attribution) -> tuple[UsedClip, ...]:
    """The clips that had a part in the video, with their starts and weights."""
    return tuple(
        UsedClip(clip.source, clip.start_s, weight)
        for clip, weight in zip(clips, attribution.weights, strict=True)
        if weight is not None
    )
