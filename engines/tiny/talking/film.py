"""Writes pictures and mono sound as an mp4."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from engines.video.writing import Track, to_yuv_frames, write_mp4

if TYPE_CHECKING:
    from av import AudioFrame

HZ = 16_000  # all that speech needs, at a fifth of the cost of 44.1 kHz in stereo
AAC_FRAME = 1024  # samples
# Without the macroblock tree, as in engines/video/writing.py: its bytes vary.
SMALL = {"preset": "veryfast", "crf": "23", "x264-params": "mbtree=0"}


def write_film(
    file: Path, pictures: Iterable[np.ndarray], shape: tuple[int, int], fps: float,
    sound: np.ndarray | None = None,
) -> None:  # fmt: skip
    """Writes (height, width, 3) uint8 RGB pictures, and (n,) int16 sound at `HZ`, if any."""
    audio = None if sound is None else _to_audio_frames(sound)
    write_mp4(
        to_yuv_frames(pictures), shape, fps, file, SMALL, {}, audio=audio, track=Track(HZ, "mono")
    )


def _to_audio_frames(sound: np.ndarray) -> Iterator["AudioFrame"]:
    from av import AudioFrame

    padded = np.pad(sound, (0, -len(sound) % AAC_FRAME)).astype(np.float32) / 32768
    for start in range(0, len(padded), AAC_FRAME):
        part = padded[None, start : start + AAC_FRAME]
        frame = AudioFrame.from_ndarray(part, format="fltp", layout="mono")
        frame.sample_rate, frame.pts = HZ, start
        yield frame


def draw_text(picture: np.ndarray, text: str, at: tuple[int, int], scale: float = 1.0) -> None:
    """Writes white text on black into a picture, its lower left corner at (x, y)."""
    import cv2

    font, thickness = cv2.FONT_HERSHEY_SIMPLEX, max(1, round(2 * scale))
    (width, height), base = cv2.getTextSize(text, font, scale, thickness)
    x, y = at
    corners = (x - 4, y - height - 6), (x + width + 4, y + base + 4)
    cv2.rectangle(picture, *corners, (0, 0, 0), cv2.FILLED)
    cv2.putText(picture, text, at, font, scale, (255, 255, 255), thickness, cv2.LINE_AA)
