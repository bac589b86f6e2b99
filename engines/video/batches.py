"""Packs the pictures that a decoder makes, one after the other, into runs of resized frames."""

import time
from collections.abc import Iterable, Iterator

import numpy as np

from engines.video.frames import DecodeError, Frames, Resize
from engines.video.resize import resize_pictures

BATCH_SECONDS = 5.0  # a slow video's frames are passed on at least so often: the model waits

TimedPicture = tuple[int, float, np.ndarray]  # index, seconds, (H, W, 3) uint8 RGB


def batch_frames(
    pictures: Iterable[TimedPicture], resize: Resize | None, chunk: int
) -> Iterator[Frames]:
    """Resized pictures in runs of `chunk`, shorter where decoding them takes long."""
    held: list[TimedPicture] = []
    shape: tuple[int, ...] = ()
    due = time.perf_counter() + BATCH_SECONDS
    for index, seconds, picture in pictures:
        # One by one, because a picture is then still in the processor's cache: 0.7 ms for 720p,
        # against 1.5 in tensors of 32, which also take 7 ms each to put together.
        pixels = picture[None]
        pixels = resize_pictures(pixels, resize) if resize else pixels.transpose(0, 3, 1, 2)
        shape = shape or pixels.shape
        if pixels.shape != shape:
            raise DecodeError("undecodable", f"the frame size changes at frame {index}")
        held.append((index, seconds, pixels))
        if len(held) == chunk or time.perf_counter() > due:
            yield _stack_frames(held)
            held, due = [], time.perf_counter() + BATCH_SECONDS
    if held:
        yield _stack_frames(held)


def _stack_frames(held: list[TimedPicture]) -> Frames:
    index, seconds, pixels = zip(*held, strict=True)
    return Frames(np.array(index, np.int64), np.array(seconds), np.concatenate(pixels))
