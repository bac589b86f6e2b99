"""A sheet of frames, to look at what a small model makes."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np


def write_sheet(clips: Sequence[np.ndarray], file: Path) -> None:
    """Writes the frames of clips as a picture, a row each."""
    from PIL import Image

    rows = [np.concatenate(list(clip), axis=1) for clip in clips]
    sheet = Image.fromarray(np.concatenate(rows))
    sheet.resize((sheet.width * 2, sheet.height * 2), Image.Resampling.NEAREST).save(file)
