"""Writes what refiners are tried on: `python -m tasks.demo.refiner_trial FOLDER`.

Prompts for the bundled text-to-video model, and real clips such as it was trained on; clips of
held-out combinations with the published grain, and others without.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from data.specs.refine import RefineSpec
from engines.tiny.scene import COMBINATIONS, HELD_OUT, Combination, draw_scene
from engines.tiny.t2v.prompts import build_prompts
from engines.tiny.t2v.training_set import BACKGROUNDS, FRAMES_A_SECOND, PIXELS, draw_clip
from tasks.demo.refine import write_clip

SEED = 17
GRAIN = RefineSpec(corruption="grain")  # its defaults are the published ones: 0.02, cut at 0.03
PLAIN = tuple(each for each in COMBINATIONS if each[2] in BACKGROUNDS)


def write_trial(folder: Path, videos: int) -> None:
    """Writes `prompts.jsonl` and the clips: real ones are two for each that is refined."""
    folder.mkdir(parents=True, exist_ok=True)
    prompts = [json.dumps(row) for row in build_prompts(videos)]
    (folder / "prompts.jsonl").write_text("\n".join(prompts) + "\n")
    sets = {
        "real": (0, 2 * videos, PLAIN, None),
        "grainy": (1, videos, sorted(HELD_OUT), GRAIN),
        "clean": (2, 2 * videos, sorted(HELD_OUT), None),
    }
    for name, (part, count, combinations, corrupted) in sets.items():
        for number, frames in enumerate(_draw_clips(part, count, combinations)):
            file = folder / name / f"{name}-{number:03d}.mkv"
            write_clip(file, frames, FRAMES_A_SECOND, corrupted)


def _draw_clips(part: int, count: int, combinations: Sequence[Combination]) -> Iterator[np.ndarray]:
    """Clips of 8 frames of 64 x 64, as the text-to-video model makes them, combinations in turn."""
    for number in range(count):
        rng = np.random.default_rng([SEED, part, number])
        scene = draw_scene(rng, combinations[number % len(combinations)])
        yield draw_clip(rng, replace(scene, pixels=PIXELS))


def main() -> None:
    """Writes the clips into the folder that the command names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--videos", type=int, default=64)
    options = parser.parse_args()
    write_trial(options.folder, options.videos)


if __name__ == "__main__":
    main()
