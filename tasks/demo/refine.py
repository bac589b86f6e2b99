"""The clips of the refinement demo: moving shapes, with grain and without."""

from functools import partial
from pathlib import Path

import numpy as np

from data.specs.refine import RefineSpec
from engines.refine.corrupt import corrupt_clip
from engines.refine.plugins import build_corruption
from engines.refine.randomness import open_rng
from engines.tiny.render import render_frames
from engines.tiny.scene import scene_at
from engines.video.writing import encode_lossless

FRAMES, FPS, SEED = 16, 8.0, 11
GRAIN = RefineSpec(corruption="grain", corruption_options={"deviation": 0.06, "bound": None})


def make_clips(folder: Path, videos: int) -> tuple[Path, Path]:
    """Writes `videos` grainy clips and twice as many clean ones; their folders, each a set.

    Clean ones are other scenes: real videos are not what a generator was asked for either.
    """
    noisy, clean = folder / "noisy", folder / "clean"
    for number in range(videos):
        write_clip(noisy / f"noisy-{number:03d}.mkv", _render(number), FPS, GRAIN)
    for number in range(videos, 3 * videos):
        write_clip(clean / f"clean-{number:03d}.mkv", _render(number), FPS)
    return noisy, clean


def _render(number: int) -> np.ndarray:
    return render_frames(scene_at(SEED, number), np.arange(FRAMES) * 3)


def write_clip(
    file: Path, frames: np.ndarray, fps: float, corrupted: RefineSpec | None = None
) -> None:
    """Writes frames (T, H, W, 3) as a lossless file, corrupted by a spec, unless it is there."""
    if file.exists():
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    corruption = build_corruption(corrupted) if corrupted else None
    if corruption is not None:
        clip = frames.astype(np.float32) / 255
        out = np.empty_like(clip)
        corrupt_clip(corruption, clip, partial(open_rng, SEED, file.stem, 0), out)
        frames = (out * 255).round().astype(np.uint8)
    draft = file.with_suffix(".tmp")
    draft.write_bytes(encode_lossless(frames, (frames.shape[1], frames.shape[2]), fps))
    draft.replace(file)
