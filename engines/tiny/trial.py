"""A trial of a small pipeline: its command line, the pipeline, and what to look at."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np


def parse_options(
    about: str | None, folder: Path, videos: int, guidance: float
) -> argparse.Namespace:
    """Parses the command line, whose defaults these are, and sets torch's threads."""
    import torch

    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--folder", type=Path, default=folder)
    parser.add_argument("--videos", type=int, default=videos)
    parser.add_argument("--steps", type=int, default=25)
    parser.add_argument("--guidance", type=float, default=guidance)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--sheet", type=Path, help="a PNG file: a row of frames per video")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    return options


def load_pipeline(folder: Path) -> Any:
    """The pipeline of diffusers that a folder names, in full precision; it exits without one."""
    import torch
    from diffusers import DiffusionPipeline

    if not (folder / "model_index.json").is_file():
        raise SystemExit(f"no pipeline in {folder}: train one first, or name another by --folder")
    pipe = DiffusionPipeline.from_pretrained(folder, use_safetensors=True, dtype=torch.float32)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def show_trial(judged: dict[str, Any], clips: Sequence[np.ndarray], sheet: Path | None) -> None:
    """Prints what was judged as JSON, and writes the frames as a sheet, if asked."""
    if sheet:
        write_sheet(clips, sheet)
    print(json.dumps(judged, indent=1))


def write_sheet(clips: Sequence[np.ndarray], file: Path) -> None:
    """Writes the frames of clips as a picture, a row each."""
    from PIL import Image

    rows = [np.concatenate(list(clip), axis=1) for clip in clips]
    sheet = Image.fromarray(np.concatenate(rows))
    sheet.resize((sheet.width * 2, sheet.height * 2), Image.Resampling.NEAREST).save(file)
