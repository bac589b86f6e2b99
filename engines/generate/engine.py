"""The generate stage's engine: clips of each request decoded, batches that fit, mp4 files out."""

import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace

import numpy as np

from data.batches import batched
from data.errors import UserError
from data.outcome import Done, Failed, Outcome
from data.records import Request, Used
from data.specs.pipeline import EmbedSpec, GenerateSpec
from engines.base import Needs, plugin
from engines.embed.batching import OUT_OF_MEMORY, FittingBatch
from engines.embed.stored_vectors import StoredVectors
from engines.generate.clips import ClipError, Clips
from engines.generate.protocol import Clip, Generator, Speed
from engines.generate.ragme.rag_init import shares
from engines.generate.result import Generated, LeftOut
from engines.video.guard.guard import Guard


@dataclass(frozen=True, slots=True)
class GenerateWork:
    """How a generating worker is set up: speed only; `batch` videos are made at once at most."""

    batch: int = 1
    speed: Speed = field(default_factory=Speed)
    decoders: int = 1
    decode_deadline_s: float = 60.0
    decoder_memory_gb: float = 4.0
    needs: Needs = field(default_factory=Needs)


class VideoGenerator:
    """Videos of requests. Two threads may run batches at once: one decodes, the other generates.

    `clip` is the model whose frame vectors the generator takes, where it takes any; those that
    are `stored` are not made again.
    """

    def __init__(
        self,
        spec: GenerateSpec,
        clip: EmbedSpec,
        work: GenerateWork,
        stored: StoredVectors | None = None,
    ) -> None:
        self.spec, self.clip, self.work, self.needs = spec, clip, work, work.needs
        self.stored, self._told = stored, Counter[str]()
        self.model: Generator = plugin("generate.generators", spec.engine).Generator(spec)
        self._fitting = FittingBatch(work.batch)
        self._lane = threading.Lock()

    def load(self) -> None:
        work, wants = self.work, self.model.wants
        self.guard = Guard(work.decoders, work.decode_deadline_s, work.decoder_memory_gb)
        self._clips: Clips | None = None
        if (wants.pixels or wants.tokens) and self.spec.retrieve.k:
            self._clips = Clips(self.spec, self.clip, wants, self.guard, self.stored)
            self._clips.load(work.speed.threads)
        self.model.load(work.speed)

    def run(self, batch: Sequence[Request]) -> Iterator[Outcome[Generated]]:
        """One outcome per request, in order; each batch of videos as soon as it is made."""
        willing: list[Request] = []
        for request in batch:
            if refusal := self._why(request):
                yield _refused(request, refusal)
            else:
                willing.append(request)
        for some in batched(willing, self._fitting.size):
            yield from self._generate(some)

    def close(self) -> None:
        self.guard.close()

    def _generate(self, requests: list[Request]) -> Iterator[Outcome[Generated]]:
        """The outcomes of as many requests as are made at once."""
        from engines.video.writing import mp4

        given = [self._conditioned(request) for request in requests]
        unable = {r.id: _refused(r, why) for r, _, left in given if left and (why := self._why(r))}
        yield from unable.values()
        given = [each for each in given if each[0].id not in unable]
        if not given:
            return

        def made(at: np.ndarray) -> np.ndarray:
            return self.model.generate([given[n][0] for n in at], [given[n][1] for n in at])

        with self._lane:
            started = time.perf_counter()
            videos = self._fitted(made, len(given))
            seconds = (time.perf_counter() - started) / len(given)
            spared = self._spared()
        for (request, clips, left_out), frames in zip(given, videos, strict=True):
            owed = _used(clips, self.spec)
            height, width = frames.shape[1:3]
            video = mp4(frames, self.spec.fps)
            value = Generated(video, len(frames), width, height, seconds, owed, left_out, spared)
            yield Done(request.id, value)
            spared = {}  # told once

    def _why(self, request: Request) -> str | None:
        """Why the model cannot make it, as when no clip is left to begin from."""
        with self._lane:  # a tokenizer is not for two threads at once
            return self.model.refusal(request)

    def _spared(self) -> dict[str, int]:
        """What caches gave and what had to be made since this was asked last."""
        now = Counter(asdict(self.model.spent))
        if self._clips is not None:
            now.update(asdict(self._clips.saved()))
        new, self._told = now - self._told, now
        return dict(new)

    def _fitted(self, made: Callable[[np.ndarray], np.ndarray], count: int) -> np.ndarray:
        try:
            return self._fitting.apply(made, np.arange(count))
        except Exception as error:
            if type(error).__name__ not in OUT_OF_MEMORY:
                raise
            spec = self.spec
            raise UserError(
                f"no memory for even one video of {spec.frames} frames of {spec.width}x"
                f"{spec.height}: set REELFLOW_OFFLOAD=true, or ask for a smaller --size"
            ) from error

    def _conditioned(self, request: Request) -> tuple[Request, Sequence[Clip], tuple[LeftOut, ...]]:
        """The request with the sources that can be read, their clips, and what cannot be."""
        left_out: list[LeftOut] = []
        if self._clips is None:
            return request, (), ()
        while request.sources:
            try:
                return request, self._clips.of(request), tuple(left_out)
            except ClipError as fault:
                left_out.append(LeftOut(fault.video_id, fault.detail))
                kept = tuple(s for s in request.sources if s.video_id != fault.video_id)
                assert len(kept) < len(request.sources)
                request = replace(request, sources=kept)
        return request, (), tuple(left_out)


def _refused(request: Request, why: str) -> Failed:
    """A prompt that is too long is a reason of its own; a generator then counts its tokens."""
    return Failed(request.id, "too_long" if re.search(r"\d tokens", why) else "rejected", why)


def _used(clips: Sequence[Clip], spec: GenerateSpec) -> tuple[Used, ...]:
    """What the video owes to each clip."""
    weights = shares([clip.source.score for clip in clips], spec) if clips else ()
    return tuple(
        Used(clip.source, clip.start_s, float(weight))
        for clip, weight in zip(clips, weights, strict=True)
    )
