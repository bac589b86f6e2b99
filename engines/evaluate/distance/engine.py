"""The engine that extracts features of clips, one clip at a time, decoding in child processes."""

import threading
from collections.abc import Iterator, Sequence

import numpy as np

from data.outcome import Done, Failed, Outcome
from data.records import Video
from data.runs.distances import Clip
from data.specs.distance import ClipSpec
from engines.evaluate.distance.clips import assemble_clip, plan_sampling
from engines.evaluate.distance.extractor import build_extractor
from engines.video.frames import Frames, Sampling
from engines.video.guard.guard import Guard
from engines.weights_file import open_weights
from engines.worker import WorkerSetup

BUFFER = 64  # decoded frames at full size: 400 MB at 1080p


class FeatureExtractor:
    """Extracts features of clips; two threads may run batches at once.

    A feature depends only on its clip: clips never share a model batch, whose size would change
    the last bits.
    """

    def __init__(self, spec: ClipSpec, setup: WorkerSetup) -> None:
        self.spec, self.setup, self.needs = spec, setup, setup.needs
        self.model = build_extractor(spec)
        self._lock = threading.Lock()

    def load(self) -> None:
        self.guard = Guard.for_worker(self.setup, BUFFER)
        with open_weights(self.spec.weights):
            self.model.load()

    def run(self, batch: Sequence[Clip]) -> Iterator[Outcome[np.ndarray]]:
        """Yields one outcome per clip, in order: its feature (dim,) float32, or (rows, dim)."""
        clips = {clip.id: clip for clip in batch}
        plans = {id: plan_sampling(self.spec, clip.fps, clip.start) for id, clip in clips.items()}
        # Under the clip's id, not the video's: one video may have several clips.
        videos = ((Video(id, clip.uri, clip.content), plans[id]) for id, clip in clips.items())
        parts: list[Frames] = []
        for event in self.guard.decode_each(videos, resize=None):
            if isinstance(event, Done):
                yield self._extract_feature(clips[event.id], parts, plans[event.id])
                parts = []
            elif isinstance(event, Failed):
                yield event
                parts = []
            else:
                parts.append(event[1])

    def close(self) -> None:
        self.guard.close()

    def _extract_feature(
        self, clip: Clip, parts: list[Frames], sampling: Sampling
    ) -> Outcome[np.ndarray]:
        frames = assemble_clip(parts, sampling, clip.fps)
        if frames is None:
            detail = f"the video ends before the clip's {self.spec.frames} frames"
            return Failed(clip.id, "rejected", detail)
        with self._lock:  # the model serves one thread at a time
            feature = self.model(frames[None])[0]
        if not np.isfinite(feature).all():
            return Failed(clip.id, "rejected", "the feature is not finite")
        return Done(clip.id, feature)
