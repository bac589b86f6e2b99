"""Three fixed clips that decode to the same pixels on any machine, to measure drift with."""

from pathlib import Path

import numpy as np

from engines.tiny.movie import encode_planes

SIZES = ((64, 64), (96, 96), (72, 128))  # height, width
FRAMES = 51


def write_canary(folder: Path) -> list[Path]:
    """Writes the canary clips into `folder`, losslessly, and returns them in order."""
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"canary-{number}.mp4" for number in range(len(SIZES))]
    for number, (file, (height, width)) in enumerate(zip(files, SIZES, strict=True)):
        encode_planes(draw_planes(number, height, width), file)
    return files


def draw_planes(number: int, height: int, width: int) -> np.ndarray:
    """The YUV 4:2:0 planes of one canary: a ramp, a strong colour cast and a moving block."""
    frames = np.arange(FRAMES)[:, None, None]
    down, across = np.mgrid[:height, :width]
    luma = _draw_luma(frames, down, across, number)
    down, across = np.mgrid[: height // 2, : width // 2]
    # A colour cast this strong shows at once if red and blue are swapped.
    red, blue = (208, 72) if number % 2 == 0 else (72, 208)
    swing = (across * 40 // (width // 2)) - 20 + (frames + down) % 8
    packed = [luma, _flatten_plane(blue + swing), _flatten_plane(red - swing)]
    return np.concatenate([_flatten_plane(p) for p in packed], axis=1).reshape(FRAMES, -1, width)


def _draw_luma(frames: np.ndarray, down: np.ndarray, across: np.ndarray, number: int) -> np.ndarray:
    ramp = 40 + (across * 3 + down * (2 + number)) % 120
    inside = (across - frames) % 48 < 16
    return np.where(inside & (down % 32 < 16), 200, ramp)


def _flatten_plane(plane: np.ndarray) -> np.ndarray:
    return plane.astype(np.uint8).reshape(FRAMES, -1)
