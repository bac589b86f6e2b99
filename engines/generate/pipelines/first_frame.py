"""Reads the picture that an image-to-video model starts from."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from data.records import Request
from engines.files.access import STRICT, UrlPolicy
from engines.files.media import open_media
from engines.generate.protocol import Clip
from engines.video.frames import Resize
from engines.video.resize import resize_pictures

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = ("PNG", "JPEG", "WEBP", "BMP")  # Pillow knows others, some through external programs
MAX_BYTES = 64 << 20
MAX_PIXELS = 100_000_000

NO_PICTURE = (
    "this model starts from a picture, but the prompt has neither an image nor a retrieved clip:"
    " add an image column, or retrieve with k of 1 or more"
)


class PictureError(Exception):
    """The picture cannot be used; the text says why."""


def open_picture(uri: str, policy: UrlPolicy = STRICT) -> "Image":
    """The upright RGB picture of a PNG, JPEG, WebP or BMP file; a PictureError for any other."""
    from io import BytesIO

    from PIL import Image, ImageOps

    try:
        with open_media(uri, policy) as file:
            content = file.read(MAX_BYTES + 1)  # one more tells a file that is too large
        if len(content) > MAX_BYTES:
            raise PictureError(f"{uri}: more than {MAX_BYTES >> 20} MB")
        with Image.open(BytesIO(content), formats=FORMATS) as picture:
            # The header alone is read so far; a small file may unpack to gigabytes.
            width, height = picture.size
            if width * height > MAX_PIXELS:
                raise PictureError(f"{uri}: {width}x{height} is too large")
            return ImageOps.exif_transpose(picture).convert("RGB")  # phones store the turn as a tag
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise PictureError(f"{uri}: {type(error).__name__}: {error}") from error


def find_best(clips: Sequence[Clip]) -> Clip | None:
    """The clip of the best rank, which a video without a picture of its own starts from."""
    return min(clips, key=lambda clip: clip.source.rank, default=None)


def read_first_frame(
    request: Request,
    clips: Sequence[Clip],
    height: int,
    width: int,
    policy: UrlPolicy = STRICT,
) -> "Image":
    """The request's picture, cropped to the size, else the first frame of its best clip.

    A PictureError if there is neither.
    """
    from PIL import Image

    if request.image is not None:
        whole = np.array(open_picture(request.image, policy))[None]
        cropped = resize_pictures(whole, Resize(height, width=width))[0]
        return Image.fromarray(np.ascontiguousarray(cropped.transpose(1, 2, 0)))
    best = find_best(clips)
    if best is None or best.pixels is None:
        raise PictureError(NO_PICTURE)
    return Image.fromarray(np.ascontiguousarray(best.pixels[0].transpose(1, 2, 0)))
