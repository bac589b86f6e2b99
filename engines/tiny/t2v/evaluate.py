"""Judges the videos of a text-to-video pipeline: `python -m engines.tiny.t2v.evaluate`.

Of prompts whose every word the bundled model was taught, without clips.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from data.batches import iter_batches
from engines.bundled import TEXT_TO_VIDEO
from engines.tiny.judge import judge_clip
from engines.tiny.t2v import training_set
from engines.tiny.t2v.prompts import build_prompts
from engines.tiny.trial import load_pipeline, parse_options, show_trial

if TYPE_CHECKING:
    from diffusers import TextToVideoSDPipeline

SEED = 77
BATCH = 12


def generate_clips(
    pipe: "TextToVideoSDPipeline", prompts: Sequence[str], steps: int, guidance: float
) -> list[np.ndarray]:
    """A clip (frames, height, width, 3) of bytes for each prompt, seeded by its number."""
    import torch

    clips: list[np.ndarray] = []
    for some in iter_batches(prompts, BATCH):
        seeds = [torch.Generator().manual_seed(len(clips) + n) for n in range(len(some))]
        made = pipe(
            list(some), height=training_set.PIXELS, width=training_set.PIXELS,
            num_frames=training_set.FRAMES, num_inference_steps=steps, guidance_scale=guidance,
            generator=seeds, output_type="np",
        ).frames  # fmt: skip
        clips += list(np.rint(np.asarray(made) * 255).astype(np.uint8))
    return clips


def judge_clips(rows: Sequence[Mapping[str, str]], clips: Sequence[np.ndarray]) -> dict[str, Any]:
    """Shares of clips that move and look as asked for, and what is wrong with the others."""
    judged = [judge_clip(clip, row) for row, clip in zip(rows, clips, strict=True)]
    of = ("appearance", "motion")
    shares = {name: float(np.mean([each[name][0] for each in judged])) for name in of}
    wrong = [each["appearance"][1] for each in judged if each["appearance"][1]]
    return {"videos": len(clips), **shares, "wrong": wrong}


def main() -> None:
    """Prints what the videos show as JSON, and writes their frames as a sheet, if asked."""
    options = parse_options(__doc__, TEXT_TO_VIDEO, videos=60, guidance=4.0)
    rows = build_prompts(options.videos, SEED, training_set.NAMED_MOTIONS)
    prompts = [row["prompt"] for row in rows]
    pipe = load_pipeline(options.folder)
    clips = generate_clips(pipe, prompts, options.steps, options.guidance)
    show_trial(judge_clips(rows, clips), clips, options.sheet)


if __name__ == "__main__":
    main()
