"""Writes annotation folders and small real videos for them."""

import gzip
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np

from support import golden

CAPTION = "A man in a blue cap rides."
TAGS = {
    "subject": ["man"], "object": ["blue cap"], "background": ["cloudy, forested area"],
    "subject_with_face": ["man"],
}  # fmt: skip


def entry(
    frame: int, box: tuple[int, int, int, int], face: bool = False, extra: int = 0
) -> dict[str, Any]:
    """An ellipse in a box of a frame, its mask larger than the box by `extra` rows and columns."""
    left, top, right, bottom = box
    high, wide = bottom - top, right - left
    y, x = np.mgrid[: high + extra, : wide + extra]
    mask = ((y - high / 2) / high) ** 2 + ((x - wide / 2) / wide) ** 2 <= 0.25
    return {"filename": f"frame{frame}.jpg", "box_xyxy": box, "mask": mask, "is_face_crop": face}


MASKS = {
    "man": [entry(2, (10, 8, 40, 60)), entry(1, (12, 8, 42, 60)), entry(3, (14, 8, 44, 60)),
            entry(2, (18, 10, 30, 24), True), entry(1, (20, 10, 32, 24), True)],
    "blue cap": [entry(2, (60, 40, 110, 80), extra=9)],
}  # fmt: skip


def annotate(folder: Path, clip: str, masks: object = MASKS, **fields: Any) -> None:
    """Writes a clip's two files: half a second of `<clip>.mp4`, at 72 x 64 by default."""
    usual = {
        "video": f"{clip}.mp4", "resolution": [72, 64], "caption": CAPTION, "word_tags": TAGS,
        "timestamp": ["00:00:00.400000", "00:00:01.2"],
    }  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{clip}.vid_info.json").write_text(json.dumps(usual | fields))
    content = gzip.compress(pickle.dumps(masks))
    (folder / f"{clip}.word_tags_masks.pkl.gz").write_bytes(content)


def write_film(folder: Path, clip: str, **how: Any) -> Path:
    """Writes a video of fifty numbered frames of 96 x 64 at 25 fps."""
    return golden.clip(folder / f"{clip}.mp4", **({"options": {"preset": "ultrafast"}} | how))
