"""The engine that makes features of clips: decode in children, one clip at a time to the model."""

import threading
from collections.abc import Iterator, Sequence

import numpy as np

from data.outcome import Done, Failed, Outcome
from data.records import Video
from data.runs.distances import Clip
from data.specs.distance import ClipSpec
from engines.embed.engine import Work
from engines.evaluate.distance.clips import assembled, window
from engines.evaluate.distance.extractor import extractor
from engines.video.frames import Frames, Sampling
from engines.video.guard.guard import Guard

BUFFER = 64  # frames at their own size: 400 MB at 1080p


class FeatureMaker:
    """Features of clips. Two threads may run batches at once and share decoders and model.

    A feature hangs on its clip alone: clips are never put into one batch, whose size would change
    the last bits of floats.
    """

    def __init__(self, spec: ClipSpec, work: Work) -> None:
        self.spec, self.work, self.needs = spec, work, work.needs
        self.model = extractor(spec)
        self._lane = threading.Lock()

    def load(self) -> None:
        work = self.work
        self.guard = Guard(work.decoders, work.decode_deadline_s, work.decoder_memory_gb, BUFFER)
        self.model.load()

    def run(self, batch: Sequence[Clip]) -> Iterator[Outcome[np.ndarray]]:
        """One outcome per clip, in order: its feature (dim,) float32."""
        clips = {clip.id: clip for clip in batch}
        asked = {id: window(self.spec, clip.fps, clip.start) for id, clip in clips.items()}
        videos = ((Video(id, clip.uri, clip.content), asked[id]) for id, clip in clips.items())
        parts: list[Frames] = []
        for event in self.guard.decode_each(videos, resize=None):
            if isinstance(event, Done):
                yield self._featured(clips[event.id], parts, asked[event.id])
                parts = []
            elif isinstance(event, Failed):
                yield event
                parts = []
            else:
                parts.append(event[1])

    def close(self) -> None:
        self.guard.close()

    def _featured(self, clip: Clip, parts: list[Frames], asked: Sampling) -> Outcome[np.ndarray]:
        frames = assembled(parts, asked, clip.fps)
        if frames is None:
            return Failed(clip.id, "rejected", f"it ends before {self.spec.frames} frames do")
        with self._lane:
            feature = self.model(frames[None])[0]
        if not np.isfinite(feature).all():
            return Failed(clip.id, "rejected", "its feature is not finite")
        return Done(clip.id, feature)
