"""Clips to measure on: real footage under many names, and a model of real cost for it."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from support.paths import REAL_CLIPS

REAL = REAL_CLIPS / "corpus" / "videos"
ARCHITECTURE = "ViT-B-32"


def real(folder: Path, copies: int) -> list[Path]:
    """`copies` of each real clip, its streams untouched; titles make every file another content."""
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for copy in range(copies):
        for clip in sorted(REAL.glob("*.mp4")):
            made.append(folder / f"{copy:03d}-{clip.stem}.mp4")
            if not made[-1].exists():
                remux(clip, made[-1], f"copy {copy}")
    return made


def remux(source: Path, target: Path, title: str, fps: int | None = None) -> None:
    """The source's best video stream in a file of another title; with `fps`, of that rate."""
    import av

    part = target.with_suffix(".part")
    with av.open(str(source)) as old, av.open(str(part), "w", format="mp4") as new:
        stream = old.streams.best("video")
        copied = new.add_stream_from_template(stream)
        new.metadata["title"] = title
        rate = stream.average_rate * stream.time_base
        for packet in old.demux(stream):
            if packet.dts is not None:
                if fps:
                    _retime(packet, rate, fps)
                packet.stream = copied
                new.mux(packet)
    part.rename(target)


def _retime(packet: Any, rate: Fraction, fps: int) -> None:
    """Gives a packet of a stream with `rate` frames a tick the time of its number at `fps`."""
    packet.pts, packet.dts = round(packet.pts * rate), round(packet.dts * rate)
    packet.duration, packet.time_base = 1, Fraction(1, fps)


def table(videos: Sequence[Path], target: Path) -> Path:
    """The videos as a Parquet source: txt, videoLoc, videoID."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {
        "txt": [video.stem for video in videos],
        "videoLoc": [str(video.resolve()) for video in videos],
        "videoID": [video.stem for video in videos],
    }
    pq.write_table(pa.table(columns), target)
    return target


def weights(folder: Path) -> Path:
    """A ViT-B-32 weights file: random, which costs what real ones cost."""
    file = folder / f"{ARCHITECTURE}.safetensors"
    if not file.exists():
        import open_clip
        import torch
        from safetensors.torch import save_file

        torch.manual_seed(0)
        model = open_clip.create_model(ARCHITECTURE)
        part = file.with_suffix(".part")
        save_file({name: t.contiguous() for name, t in model.state_dict().items()}, part)
        part.rename(file)
    return file
