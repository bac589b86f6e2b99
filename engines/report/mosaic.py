"""Frames of videos laid out as one picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from textwrap import wrap
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

PAPER, WELL, INK, FAINT = "#faf9f7", 236, "#1c1d20", "#8b8e94"
GAP, BETWEEN, LABEL = 6, 18, 190  # pixels
LETTERS, LINES, SIZE, LEADING = 28, 4, 13, 17  # of a label


@dataclass(frozen=True, slots=True)
class Strip:
    """A row: what it is of, frames (height, width, 3) of a video, and beside it those of clips.

    None is a frame that there is none of.
    """

    id: str
    text: str
    video: list[np.ndarray | None]
    clips: list[np.ndarray | None]


def mosaic(strips: Sequence[Strip], shape: tuple[int, int]) -> "Image":
    """The strips below each other, in as many columns as make the picture about square.

    `shape` is the height and width of every frame.
    """
    from PIL import Image, ImageDraw

    high, wide = shape
    most = max((len(s.video) + len(s.clips) for s in strips), default=0)
    width, height = LABEL + most * (wide + GAP) + 2 * BETWEEN, high + GAP
    columns = max(1, round(sqrt(len(strips) * height / width)))
    rows = ceil(len(strips) / columns)
    canvas = Image.new("RGB", (columns * width + BETWEEN, rows * height + 2 * BETWEEN), PAPER)
    draw = ImageDraw.Draw(canvas)
    for number, strip in enumerate(strips):
        column, row = divmod(number, rows)
        left, top = BETWEEN + column * width, BETWEEN + row * height
        _label(draw, strip, left, top)
        for place, frame in enumerate(strip.video + strip.clips):
            apart = BETWEEN if place >= len(strip.video) else 0
            x = left + LABEL + place * (wide + GAP) + apart
            blank = np.full((high, wide, 3), WELL, np.uint8)
            picture = Image.fromarray(blank if frame is None else frame)
            canvas.paste(picture, (x, top))
    return canvas


def _label(draw: "ImageDraw", strip: Strip, left: int, top: int) -> None:
    from PIL import ImageFont

    font = ImageFont.load_default(SIZE)
    lines = wrap(strip.text, LETTERS, max_lines=LINES, placeholder=" …")
    draw.text((left, top), strip.id[:LETTERS], FAINT, font)
    for number, line in enumerate(lines, 1):
        draw.text((left, top + number * LEADING), line, INK, font)
