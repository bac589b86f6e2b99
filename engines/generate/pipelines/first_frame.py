"""The picture that a video starts from."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from data.records import Request
from engines.files.media import open_media
from engines.generate.protocol import Clip
from engines.video.frames import Resize
from engines.video.resize import resize

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = ("PNG", "JPEG", "WEBP", "BMP")
MAX_BYTES = 64 << 20
MAX_PIXELS = 100_000_000


class PictureError(Exception):
    """The picture is at fault; the text says why."""


def opened(uri: str) -> "Image":
    """The upright RGB picture of a file of some usual format; a PictureError for any other."""
    from io import BytesIO

    from PIL import Image, ImageOps

    try:
        with open_media(uri) as file:
            held = file.read(MAX_BYTES + 1)
        if len(held) > MAX_BYTES:
            raise PictureError(f"{uri}: more than {MAX_BYTES >> 20} MB")
        with Image.open(BytesIO(held), formats=FORMATS) as picture:
            width, height = picture.size
            if width * height > MAX_PIXELS:
                raise PictureError(f"{uri}: {width}x{height} is too large")
            return ImageOps.exif_transpose(picture).convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise PictureError(f"{uri}: {type(error).__name__}: {error}") from error


def first_frame(request: Request, clips: Sequence[Clip], height: int, width: int) -> "Image":
    """The request's picture, cut to the size, else the first frame of its best clip.

    A PictureError where there is neither.
    """
    from PIL import Image

    if request.image is not None:
        whole = np.array(opened(request.image))[None]
        shown = resize(whole, Resize(height, width=width))[0]
        return Image.fromarray(np.ascontiguousarray(shown.transpose(1, 2, 0)))
    best = min(clips, key=lambda clip: clip.source.rank, default=None)
    if best is None or best.pixels is None:
        raise PictureError(NEITHER)
    return Image.fromarray(np.ascontiguousarray(best.pixels[0].transpose(1, 2, 0)))


NEITHER = (
    "this model starts from a picture, and the prompt has neither an image nor a retrieved clip:"
    " add an image column, or retrieve with k of 1 or more"
)
