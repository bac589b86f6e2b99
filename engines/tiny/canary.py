"""Three fixed clips that decode to the same pixels on any machine: drift is measured with them."""

from pathlib import Path

import numpy as np

from engines.tiny.movie import encode_planes

SIZES = ((64, 64), (96, 96), (72, 128))  # height, width
FRAMES = 51


def canary(folder: Path) -> list[Path]:
    """Write the canary clips into `folder`, losslessly, and return them in order."""
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"canary-{number}.mp4" for number in range(len(SIZES))]
    for number, (file, (height, width)) in enumerate(zip(files, SIZES, strict=True)):
        encode_planes(planes(number, height, width), file)
    return files


def planes(number: int, height: int, width: int) -> np.ndarray:
    """The YUV 4:2:0 planes of one canary: a ramp, a strong colour cast and a moving block."""
    frames = np.arange(FRAMES)[:, None, None]
    down, across = np.mgrid[:height, :width]
    luma = _luma(frames, down, across, number)
    down, across = np.mgrid[: height // 2, : width // 2]
    red, blue = (208, 72) if number % 2 == 0 else (72, 208)
    swing = (across * 40 // (width // 2)) - 20 + (frames + down) % 8
    packed = [luma, _flat(blue + swing), _flat(red - swing)]
    return np.concatenate([_flat(p) for p in packed], axis=1).reshape(FRAMES, -1, width)


def _luma(frames: np.ndarray, down: np.ndarray, across: np.ndarray, number: int) -> np.ndarray:
    ramp = 40 + (across * 3 + down * (2 + number)) % 120
    inside = (across - frames) % 48 < 16
    return np.where(inside & (down % 32 < 16), 200, ramp)


def _flat(plane: np.ndarray) -> np.ndarray:
    return plane.astype(np.uint8).reshape(FRAMES, -1)
