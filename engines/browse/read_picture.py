"""Reads a picture file in a process that can be killed: it is somebody's upload."""

from typing import Any

import numpy as np

from engines.video.frames import DecodeError, Resize
from engines.video.resize import resize_pictures

MAX_PIXELS = 64_000_000  # of a picture: beyond it a few kilobytes unpack to gigabytes
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")


def is_picture(file: str) -> bool:
    """Whether a file begins as a still picture does; a moving GIF is a video."""
    with open(file, "rb") as opened:
        head = opened.read(16)
    signs = (b"\xff\xd8\xff", b"\x89PNG\r\n", b"BM", b"II*\0", b"MM\0*")
    webp = head.startswith(b"RIFF") and head[8:12] == b"WEBP"
    return head.startswith(signs) or webp or head[4:12] == b"ftypavif"


def warm_up() -> None:
    """Imports what `work` needs."""
    import PIL.Image  # noqa: F401
    import torch  # noqa: F401


def work(source: str, target: str, resize: dict[str, Any]) -> dict[str, Any]:
    """Writes the picture as a model takes it, (1, 3, height, width) uint8, as a `.npy` file.

    A DecodeError where it cannot be read.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    try:
        with Image.open(source, formats=FORMATS) as opened:
            picture = ImageOps.exif_transpose(opened).convert("RGB")
    except (OSError, SyntaxError, ValueError, UnidentifiedImageError,
            Image.DecompressionBombError) as error:  # fmt: skip
        raise DecodeError("undecodable", f"the picture cannot be read: {error}") from error
    np.save(target, resize_pictures(np.array(picture)[None], Resize(**resize)))
    return {}
