"""Draws a refiner's training examples: random windows of clips, and corruptions of them."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from data.errors import UserError
from data.specs.train_refiner import CorruptSpec, TrainRefinerSpec
from engines.base import load_plugin
from engines.refine.corrupt import corrupt_clip
from engines.train.frame_store import FrameStore

CUT = 1.5  # deviations at which training grain is cut
EVERYWHERE = 0.25  # share of windows without a mask whose holes are everywhere, as grain's are


class ClipSource(Protocol):
    """Where clean windows come from."""

    def draw(self, rng: np.random.Generator, count: int, held_out: bool) -> np.ndarray:
        """(count, T, H, W, 3) float32 in 0 to 1, by the generator alone."""
        ...


@dataclass(frozen=True, slots=True)
class Examples:
    """`clean` and `corrupted` (B, T, H, W, 3) float32 in 0 to 1, `holes` (B, T, H, W) bool."""

    clean: np.ndarray
    corrupted: np.ndarray
    holes: np.ndarray


class StoredClips:
    """Windows of a frame store's videos, of which the `held_out` (videos,) bool are set apart."""

    def __init__(self, frames: FrameStore, held_out: np.ndarray, spec: TrainRefinerSpec) -> None:
        self.frames, self.spec = frames, spec
        enough = frames.counts >= spec.window
        self.rows = {side: np.flatnonzero(enough & (held_out == side)) for side in (False, True)}
        for side, name in ((False, "to train on"), (True, "held out")):
            if not len(self.rows[side]):
                seconds = spec.window / spec.clips.fps
                raise UserError(
                    f"no video {name} has {spec.window} frames at {spec.clips.fps:g} per second"
                    f" ({seconds:g} s): use fewer --window, a higher --fps, or more videos"
                )

    def draw(self, rng: np.random.Generator, count: int, held_out: bool) -> np.ndarray:
        """Windows from random moments on, cropped at random places."""
        rows = rng.choice(self.rows[held_out], count)
        starts = rng.integers(self.frames.counts[rows] - self.spec.window + 1)
        clips = [
            self.frames.frames[row, start : start + self.spec.window]
            for row, start in zip(rows, starts, strict=True)
        ]
        shape = 3, self.spec.clips.height, self.spec.clips.width
        pixels = np.stack(clips).astype(np.float32).reshape(count, -1, *shape) / 255
        return crop_windows(rng, np.moveaxis(pixels, 2, -1), self.spec.crop)


def crop_windows(rng: np.random.Generator, clips: np.ndarray, side: int | None) -> np.ndarray:
    """A square of each clip (B, T, H, W, 3) at a random place; the clips where `side` is None."""
    if side is None:
        return clips
    height, width = clips.shape[2:4]
    tops = rng.integers(height - side + 1, size=len(clips))
    lefts = rng.integers(width - side + 1, size=len(clips))
    return np.stack(
        [
            clip[:, top : top + side, left : left + side]
            for clip, top, left in zip(clips, tops, lefts, strict=True)
        ]
    )


def corrupt_windows(rng: np.random.Generator, clean: np.ndarray, spec: CorruptSpec) -> Examples:
    """The windows with grain of a random deviation, and some of them masked."""
    corrupted, holes = np.empty_like(clean), np.zeros(clean.shape[:-1], bool)
    for place, clip in enumerate(clean):
        deviation = rng.uniform(spec.grain_least, spec.grain_most)
        grain = rng.standard_normal(clip.shape, np.float32) * np.float32(deviation)
        noisy = (clip + grain.clip(-CUT * deviation, CUT * deviation)).clip(0, 1)
        if rng.random() < spec.masked:
            holes[place] = _mask(rng, noisy, spec.masks, corrupted[place])
        else:
            corrupted[place] = noisy
            holes[place] = rng.random() < EVERYWHERE
    return Examples(clean, corrupted, holes)


def _mask(
    rng: np.random.Generator, clip: np.ndarray, masks: tuple[str, ...], out: np.ndarray
) -> np.ndarray:
    """Writes the clip into `out`, masked by one of the corruptions at random; its holes."""
    module = load_plugin("refine.corruptions", masks[int(rng.integers(len(masks)))])
    # The corruption draws in an order of its own, from one generator for all of its places.
    return corrupt_clip(module.Corruption(module.Options()), clip, lambda *_: rng, out)


def measure_psnr(restored: np.ndarray, clean: np.ndarray) -> np.ndarray:
    """PSNR in dB of each clip (B, …) in 0 to 1, at most 100."""
    error = np.square(restored.clip(0, 1) - clean, dtype=np.float64)
    return -10 * np.log10(np.maximum(error.reshape(len(clean), -1).mean(1), 1e-10))
