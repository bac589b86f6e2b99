"""Judges the videos of a text-to-video pipeline: `python -m engines.tiny.t2v.evaluate`.

Of prompts whose every word the bundled model was taught, without clips.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from data.batches import iter_batches
from engines.bundled import TEXT_TO_VIDEO
from engines.tiny.judge import judge_clip
from engines.tiny.sheet import write_sheet
from engines.tiny.t2v import training_set
from engines.tiny.t2v.prompts import build_prompts

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
    import torch
    from diffusers import TextToVideoSDPipeline

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=TEXT_TO_VIDEO)
    parser.add_argument("--videos", type=int, default=60)
    parser.add_argument("--steps", type=int, default=25)
    parser.add_argument("--guidance", type=float, default=4.0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--sheet", type=Path, help="a PNG file: a row of frames per video")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    pipe = TextToVideoSDPipeline.from_pretrained(
        options.folder, use_safetensors=True, dtype=torch.float32
    )
    pipe.set_progress_bar_config(disable=True)
    rows = build_prompts(options.videos, SEED, training_set.NAMED_MOTIONS)
    clips = generate_clips(pipe, [row["prompt"] for row in rows], options.steps, options.guidance)
    if options.sheet:
        write_sheet(clips, options.sheet)
    print(json.dumps(judge_clips(rows, clips), indent=1))


if __name__ == "__main__":
    main()
