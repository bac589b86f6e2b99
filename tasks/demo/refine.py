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
        _write_clip(noisy / f"noisy-{number:03d}.mkv", number, grain=True)
    for number in range(videos, 3 * videos):
        _write_clip(clean / f"clean-{number:03d}.mkv", number, grain=False)
    return noisy, clean


def _write_clip(file: Path, number: int, grain: bool) -> None:
    """Writes one scene as a lossless file, unless it is there."""
    if file.exists():
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    frames = render_frames(scene_at(SEED, number), np.arange(FRAMES) * 3)
    if grain:
        clip, corruption = frames.astype(np.float32) / 255, build_corruption(GRAIN)
        assert corruption is not None
        out = np.empty_like(clip)
        corrupt_clip(corruption, clip, partial(open_rng, SEED, file.stem, 0), out)
        frames = (out * 255).round().astype(np.uint8)
    draft = file.with_suffix(".tmp")
    draft.write_bytes(encode_lossless(frames, (frames.shape[1], frames.shape[2]), FPS))
    draft.replace(file)
