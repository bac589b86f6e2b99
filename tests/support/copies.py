"""Copies of a clip as they are found in corpora: encoded again, cut, reframed, at another speed."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from engines.video.writing import to_yuv_frames, write_mp4

POOR, MUXER = {"preset": "veryfast", "crf": "33"}, {"movflags": "+faststart"}
Frames = Sequence[np.ndarray]  # (H, W, 3) uint8 each


def _resize(frames: Frames) -> Frames:
    return [_scale(frame, frame.shape[0] * 2 // 3, frame.shape[1] * 2 // 3) for frame in frames]


def _crop(frames: Frames) -> Frames:
    """Less a tenth of the height and of the width on each side."""
    height, width = (side // 10 for side in frames[0].shape[:2])
    return [frame[height:-height, width:-width] for frame in frames]


def _letterbox(frames: Frames) -> Frames:
    bar = frames[0].shape[0] // 8
    return [np.pad(frame, ((bar, bar), (0, 0), (0, 0))) for frame in frames]


def _mirror(frames: Frames) -> Frames:
    return [frame[:, ::-1] for frame in frames]


def _trim(frames: Frames) -> Frames:
    """Less a fifth at the beginning and a tenth at the end."""
    return frames[len(frames) // 5 : len(frames) - len(frames) // 10]


def _speed_up(frames: Frames) -> Frames:
    """Four frames of every five: a quarter faster at the same rate."""
    return [frame for number, frame in enumerate(frames) if number % 5 != 4]


def _slow_down(frames: Frames) -> Frames:
    """Every fourth frame twice: a fifth slower at the same rate."""
    repeats = [2 if number % 4 == 3 else 1 for number in range(len(frames))]
    return [f for f, times in zip(frames, repeats, strict=True) for _ in range(times)]


KINDS: dict[str, Callable[[Frames], Frames]] = {
    "re-encoded": lambda frames: frames,
    "resized": _resize,
    "cropped": _crop,
    "letterboxed": _letterbox,
    "mirrored": _mirror,
    "trimmed": _trim,
    "sped up": _speed_up,
    "slowed down": _slow_down,
}


def write_copies(clip: Path, folder: Path, kinds: Sequence[str] = tuple(KINDS)) -> dict[str, Path]:
    """Writes a copy of each kind, all encoded anew and poorly; their files by kind."""
    import av

    with av.open(str(clip)) as container:
        fps = float(container.streams.video[0].average_rate or 25)
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    folder.mkdir(parents=True, exist_ok=True)
    files = {kind: folder / f"{clip.stem}~{kind.replace(' ', '-')}.mp4" for kind in kinds}
    for kind, file in files.items():
        changed = [_make_even(frame) for frame in KINDS[kind](frames)]
        write_mp4(to_yuv_frames(changed), changed[0].shape[:2], fps, file, POOR, MUXER)
    return files


def _scale(frame: np.ndarray, height: int, width: int) -> np.ndarray:
    from av import VideoFrame

    picture = VideoFrame.from_ndarray(frame, format="rgb24")
    return picture.reformat(width=width, height=height).to_ndarray()


def _make_even(frame: np.ndarray) -> np.ndarray:
    height, width = (side - side % 2 for side in frame.shape[:2])
    return np.ascontiguousarray(frame[:height, :width])
