"""Draws frames of videos as one picture: a row of frames per video, with a label."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from textwrap import wrap
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

# Colours of the page, an empty frame's grey level, the prompt, and its id: those of page.css.
PAPER, WELL, INK, FAINT = "#faf9f7", 236, "#1c1d20", "#8b8e94"
GAP, MARGIN, LABEL_WIDTH = 6, 18, 190  # pixels
LETTERS, LINES, SIZE, LEADING = 28, 4, 13, 17  # of a label: columns, rows, font and line pixels


@dataclass(frozen=True, slots=True)
class Strip:
    """One row: its id and text, frames (height, width, 3) of a video, then frames of clips.

    A frame that could not be read is None, and is drawn blank.
    """

    id: str
    text: str
    video: list[np.ndarray | None]
    clips: list[np.ndarray | None]


def draw_mosaic(strips: Sequence[Strip], shape: tuple[int, int]) -> "Image":
    """Stacks the strips in as many columns as make the picture about square.

    `shape` is the height and width of every frame, in pixels.
    """
    from PIL import Image, ImageDraw

    frame_height, frame_width = shape
    most = max((len(s.video) + len(s.clips) for s in strips), default=0)
    width = LABEL_WIDTH + most * (frame_width + GAP) + 2 * MARGIN
    height = frame_height + GAP
    columns = max(1, round(sqrt(len(strips) * height / width)))
    rows = ceil(len(strips) / columns)
    canvas = Image.new("RGB", (columns * width + MARGIN, rows * height + 2 * MARGIN), PAPER)
    draw = ImageDraw.Draw(canvas)
    for number, strip in enumerate(strips):
        column, row = divmod(number, rows)
        left, top = MARGIN + column * width, MARGIN + row * height
        _draw_label(draw, strip, left, top)
        for place, frame in enumerate(strip.video + strip.clips):
            # A wider gap separates the clips from the video that they conditioned.
            offset = MARGIN if place >= len(strip.video) else 0
            x = left + LABEL_WIDTH + place * (frame_width + GAP) + offset
            blank = np.full((frame_height, frame_width, 3), WELL, np.uint8)
            canvas.paste(Image.fromarray(blank if frame is None else frame), (x, top))
    return canvas


def _draw_label(draw: "ImageDraw", strip: Strip, left: int, top: int) -> None:
    from PIL import ImageFont

    # Pillow's own font: a machine in a container need not have any installed.
    font = ImageFont.load_default(SIZE)
    lines = wrap(strip.text, LETTERS, max_lines=LINES, placeholder=" …")
    draw.text((left, top), strip.id[:LETTERS], FAINT, font)
    for number, line in enumerate(lines, 1):
        draw.text((left, top + number * LEADING), line, INK, font)
