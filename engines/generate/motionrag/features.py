"""The motion-features stage's engine: one window of each clip becomes MotionRAG's tokens."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from data.outcome import Done, Failed, Outcome
from data.records import Source, Video
from data.specs.motion import MotionFeaturesSpec
from data.store.motion_features import ClipFeatures
from engines.device import deterministic_inference
from engines.embed.weights import digest_file
from engines.generate.motionrag.encoders import (
    IMAGE,
    VIDEO,
    ClipEncoders,
    digest_encoder,
    find_encoder,
)
from engines.generate.motionrag.release import (
    CONTEXT,
    MOTION,
    find_checkpoint,
    list_checkpoints,
    load_describers,
    release_folder,
)
from engines.generate.windows import ArrayOrFailed, Window, WindowFormat, decode_windows
from engines.video.frames import Resize
from engines.video.guard.guard import Guard
from engines.worker import WorkerSetup

if TYPE_CHECKING:
    from torch import Tensor, nn

VERSION = "1"


@dataclass(frozen=True, slots=True)
class DescribeSetup(WorkerSetup):
    """How a describing worker is set up: `threads` of the models."""

    threads: int = 1


@dataclass(frozen=True, slots=True)
class DescribedClip:
    """A clip's features, and the seconds that decoding (a share of its batch's) and models took."""

    features: ClipFeatures
    decode_s: float
    model_s: float


def digest_inputs(spec: MotionFeaturesSpec) -> tuple[str, ...]:
    """Digests of what describes clips: the motion and context networks, and both encoders.

    A UserError where one of them is missing.
    """
    folder = release_folder(spec.controller)
    list_checkpoints(folder)
    files = [find_checkpoint(folder, name) for name in (MOTION, CONTEXT)]
    encoders = {VIDEO: spec.video_encoder, IMAGE: spec.image_encoder}
    folders = [find_encoder(name, given, folder) for name, given in encoders.items()]
    return (
        *(digest_file(str(file)) for file in files if file),
        *(digest_encoder(folder) for folder in folders),
    )


class MotionDescriber:
    """Describes clips one by one: neighbours in a batch do not change the last bits."""

    def __init__(self, spec: MotionFeaturesSpec, setup: DescribeSetup) -> None:
        self.spec, self.setup, self.needs = spec, setup, setup.needs

    def load(self) -> None:
        """Loads encoders and resamplers."""
        import torch

        torch.set_num_threads(self.setup.threads)
        spec, folder = self.spec, release_folder(self.spec.controller)
        self.guard = Guard.for_worker(self.setup)
        self._resampler, self._appearance = load_describers(folder)
        self._encoders = ClipEncoders(
            find_encoder(VIDEO, spec.video_encoder, folder),
            find_encoder(IMAGE, spec.image_encoder, folder),
        )
        self._format = WindowFormat(spec.fps, spec.frames, Resize(spec.side))

    def run(self, batch: Sequence[Video]) -> Iterator[Outcome[DescribedClip]]:
        """One outcome per clip, in order."""
        started = time.perf_counter()
        windows = {video.id: self._place_window(video) for video in batch}
        decoded = decode_windows(self.guard, windows, self._format)
        share = (time.perf_counter() - started) / len(batch)
        for video in batch:
            yield self._describe(video.id, windows[video.id], decoded[video.id], share)

    def close(self) -> None:
        """Ends the decoder processes."""
        self.guard.close()

    def _place_window(self, video: Video) -> Window:
        """The window in the middle of a clip; from its beginning where it is shorter."""
        room = max(0.0, (video.duration or 0.0) - self.spec.frames / self.spec.fps)
        source = Source(0, video.id, video.content, 0.0, video.uri)
        return Window(source, round(room / 2, 3), video.id)

    def _describe(
        self, id: str, window: Window, pixels: ArrayOrFailed, decode_s: float
    ) -> Outcome[DescribedClip]:
        if isinstance(pixels, Failed):
            return Failed(id, pixels.reason, pixels.detail)
        started = time.perf_counter()
        patches = self._encoders.encode_appearance(pixels[0])
        appearance = _resample(self._appearance, patches)
        motion = _resample(self._resampler, self._encoders.encode_motion(pixels))
        kept = _to_half(patches) if self.spec.patches else None
        features = ClipFeatures(window.start_s, _to_half(motion), _to_half(appearance), kept)
        arrays = features.motion, features.appearance, kept
        if not all(np.isfinite(each).all() for each in arrays if each is not None):
            # Of a broken release: stored, they would spoil every video that retrieves the clip.
            return Failed(id, "rejected", "its motion features are not finite in float16")
        return Done(id, DescribedClip(features, decode_s, time.perf_counter() - started))


def _resample(resampler: "nn.Module", features: "Tensor") -> "Tensor":

    with deterministic_inference():
        tokens: Tensor = resampler(features)
        return tokens


def _to_half(tokens: "Tensor") -> np.ndarray:
    return tokens[0].float().cpu().numpy().astype(np.float16)
