"""Judges the videos of an image-to-video pipeline: `python -m engines.tiny.i2v.evaluate`.

Of first frames that do not tell which way their shape will move: does it stay what it is, and does
it move, and do the ways differ from video to video?
"""

from collections import Counter
from collections.abc import Sequence
from math import log
from typing import TYPE_CHECKING, Any

import numpy as np

from engines.tiny.i2v import training_set
from engines.tiny.i2v.folders import BASE
from engines.tiny.i2v.heading import STILL, find_motion
from engines.tiny.judge import judge_clip
from engines.tiny.scene import HELD_OUT, Scene
from engines.tiny.trial import load_pipeline, parse_options, show_trial

if TYPE_CHECKING:
    from diffusers import StableVideoDiffusionPipeline

SEED = 11  # no training's
BATCH = 12
NEW_LOOKS = tuple(sorted(c for c in HELD_OUT if c[2] in training_set.BACKGROUNDS))


def draw_test_scenes(count: int, seed: int = SEED) -> list[Scene]:
    """Random scenes, every third of a combination that is in no training clip."""
    scenes = []
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        look = None if number % 3 else NEW_LOOKS[int(rng.integers(len(NEW_LOOKS)))]
        scenes.append(training_set.draw_moving_scene(rng, look))
    return scenes


def judge_clips(scenes: Sequence[Scene], clips: Sequence[np.ndarray]) -> dict[str, Any]:
    """Shares of clips: shape and colour right, moving, moving as the scene; and the ways they go.

    `evenness` is the entropy of the ways over that of an even spread, 1 at most.
    """
    ways = [find_motion(clip) for clip in clips]
    pairs = list(zip(scenes, clips, strict=True))
    looks = [judge_clip(clip, vars(scene))["appearance"] for scene, clip in pairs]
    going = Counter(way for way in ways if way not in (None, STILL))
    shares = np.array(list(going.values())) / max(going.total(), 1)
    return {
        "videos": len(clips),
        "appearance": float(np.mean([right for right, _ in looks])),
        "moves": going.total() / len(clips),
        "motion": sum(way == s.motion for way, s in zip(ways, scenes, strict=True)) / len(clips),
        "evenness": float(-(shares * np.log(shares)).sum() / log(len(training_set.MOTIONS))),
        "ways": dict(going.most_common()),
        "wrong": [why for _, why in looks if why],
    }


def generate_clips(
    pipe: "StableVideoDiffusionPipeline", scenes: Sequence[Scene], steps: int, guidance: float
) -> list[np.ndarray]:
    """A clip (frames, height, width, 3) of each scene's first frame, seeded by its number."""
    import torch
    from PIL import Image

    clips: list[np.ndarray] = []
    for start in range(0, len(scenes), BATCH):
        some = scenes[start : start + BATCH]
        images = [Image.fromarray(training_set.draw_clip(scene)[0]) for scene in some]
        seeds = [torch.Generator().manual_seed(start + n) for n in range(len(some))]
        made = pipe(
            images, height=training_set.PIXELS, width=training_set.PIXELS,
            num_frames=training_set.FRAMES, num_inference_steps=steps,
            max_guidance_scale=guidance, generator=seeds, output_type="np",
        ).frames  # fmt: skip
        clips += list(np.rint(np.asarray(made) * 255).astype(np.uint8))
    return clips


def main() -> None:
    """Prints what the videos show as JSON, and writes their frames as a sheet, if asked."""
    options = parse_options(__doc__, BASE, videos=48, guidance=3.0)
    scenes = draw_test_scenes(options.videos)
    pipe = load_pipeline(options.folder)
    clips = generate_clips(pipe, scenes, options.steps, options.guidance)
    show_trial(judge_clips(scenes, clips), clips, options.sheet)


if __name__ == "__main__":
    main()
