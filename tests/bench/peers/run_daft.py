"""Daft: `read_video_frames`, a table for each size of picture, and open_clip in a function."""

from collections import defaultdict
from pathlib import Path

import av
import daft
from daft import DataType, Series, col
from PIL import Image
from work import Encoder, mark_ended, read_request

DIM = 512


def main() -> None:
    request = read_request()
    encoder = Encoder(request)

    @daft.func.batch(
        return_dtype=DataType.embedding(DataType.float32(), DIM),
        batch_size=request.batch, use_process=False,
    )  # fmt: skip
    def embed(frames: Series) -> list:
        return list(encoder.embed([Image.fromarray(frame) for frame in frames.to_pylist()]))

    # One table after the other: several in one query wait for each other for ever on two cores.
    for size, clips in group_by_size(request.clips).items():
        frames = daft.read_video_frames(
            clips, *size, sample_interval_seconds=request.every / request.fps
        )
        named = frames.with_column("video_id", daft.func(name_clip)(col("path")))
        vectors = named.with_column("vector", embed(col("data")))
        kept = vectors.select("video_id", col("frame_index").alias("frame"), "vector")
        kept.write_parquet(request.vectors)
    mark_ended(request)


def name_clip(path: str) -> str:
    """The id of a clip."""
    return Path(path).stem


def group_by_size(clips: list[str]) -> dict[tuple[int, int], list[str]]:
    """Clips by height and width; where a file cannot be opened Daft gets it with the first ones."""
    sizes: dict[tuple[int, int], list[str]] = defaultdict(list)
    broken = []
    for clip in clips:
        try:
            with av.open(clip) as file:
                stream = file.streams.video[0]
                sizes[stream.height, stream.width].append(clip)
        except av.FFmpegError:
            broken.append(clip)
    if broken:
        next(iter(sizes.values())).extend(broken)
    return dict(sizes)


if __name__ == "__main__":
    main()
