"""Cuts sound, as it comes, into windows that end where it is quiet: memory stays flat."""

import numpy as np

from engines.video.sound import RATE, Sound

WINDOW_S = 300  # bounds memory to 20 MB, and costs a cut in five minutes
SEARCH_S = 30  # at the end of a window: how far back a quiet place is looked for
FRAME = RATE // 10
SCALE = 32768.0


class SoundWindows:
    """Takes the blocks of one video and gives windows: (start in seconds, (n,) float32 in ±1)."""

    def __init__(self) -> None:
        self._held: list[np.ndarray] = []
        self._start, self._count = 0.0, 0

    def add(self, sound: Sound) -> list[tuple[float, np.ndarray]]:
        """The windows that are full with this block."""
        full = [] if self._follows(sound) else self.finish()
        if not self._held:
            self._start = sound.start
        self._held.append(sound.samples)
        self._count += len(sound.samples)
        if self._count >= WINDOW_S * RATE:
            samples = np.concatenate(self._held)
            cut = find_quiet_cut(samples)
            full.append((self._start, to_float(samples[:cut])))
            self._start += cut / RATE
            self._held, self._count = [samples[cut:]], len(samples) - cut
        return full

    def finish(self) -> list[tuple[float, np.ndarray]]:
        """What is left, as the last window."""
        held, self._held, self._count = self._held, [], 0
        return [(self._start, to_float(np.concatenate(held)))] if held else []

    def _follows(self, sound: Sound) -> bool:
        return abs(self._start + self._count / RATE - sound.start) < 1.0


def find_quiet_cut(samples: np.ndarray) -> int:
    """The sample in the middle of the quietest tenth of a second near the end; the later of two."""
    tail = samples[-SEARCH_S * RATE :]
    frames = tail[: len(tail) // FRAME * FRAME].reshape(-1, FRAME).astype(np.float32)
    loudness = np.square(frames).mean(1)
    quietest = len(loudness) - 1 - int(np.argmin(loudness[::-1]))
    return len(samples) - len(tail) + quietest * FRAME + FRAME // 2


def to_float(samples: np.ndarray) -> np.ndarray:
    """int16 samples as float32 in ±1."""
    return samples.astype(np.float32) / SCALE
