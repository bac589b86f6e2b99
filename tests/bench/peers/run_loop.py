"""The floor: a plain loop of PyAV and open_clip, one frame after the other, batches over clips."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
from work import Encoder, Request, mark_ended, read_request


def main() -> None:
    request = read_request()
    encoder = Encoder(request)
    waiting: list[tuple[str, Any]] = []
    done: dict[str, list[np.ndarray]] = {}
    for clip in request.clips:
        for picture in read_pictures(request, clip):
            waiting.append((Path(clip).stem, picture))
            if len(waiting) == request.batch:
                _embed(encoder, waiting, done)
        _write(request, done, {id for id, _ in waiting})
    _embed(encoder, waiting, done)
    _write(request, done, set())
    mark_ended(request)


def read_pictures(request: Request, clip: str) -> Iterator[Any]:
    """Every nth frame of a clip as a PIL picture; PyAV's error where it is broken."""
    from PIL import Image

    with av.open(clip) as file:
        stream = file.streams.video[0]
        stream.thread_type = "AUTO"
        for number, frame in enumerate(file.decode(stream)):
            if number % request.every == 0:
                pixels = frame.to_ndarray(format="rgb24")
                yield Image.fromarray(pixels[:, :, ::-1] if request.swapped else pixels)


def _embed(
    encoder: Encoder, waiting: list[tuple[str, Any]], done: dict[str, list[np.ndarray]]
) -> None:
    if waiting:
        vectors = encoder.embed([picture for _, picture in waiting])
        for (id, _), vector in zip(waiting, vectors, strict=True):
            done.setdefault(id, []).append(vector)
        waiting.clear()


def _write(request: Request, done: dict[str, list[np.ndarray]], unfinished: set[str]) -> None:
    for id in [id for id in done if id not in unfinished]:
        np.save(Path(request.vectors) / f"{id}.npy", np.stack(done.pop(id)))


if __name__ == "__main__":
    main()
