"""Frames for answers: decoded once a video, then chosen for each of its questions."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from data.outcome import Done, Failed
from data.records import Video
from data.specs.answer import AnswerSpec
from engines.retrieve.keyframes import select_best
from engines.video.frames import Sampling
from engines.video.guard.guard import DecodeStats, Guard
from engines.video.resize import shrink

TIMES_AS_MANY = 4  # frames are decoded than a question gets, where questions choose for themselves


@dataclass(slots=True)
class Pool:
    """Decoded frames of a video: (height, width, 3) uint8 RGB, and their seconds, ascending."""

    times: list[float] = field(default_factory=list)
    pixels: list[np.ndarray] = field(default_factory=list)
    stats: DecodeStats | None = None
    _latest: tuple[list[int], np.ndarray] | None = None

    def take(self, places: np.ndarray) -> tuple[np.ndarray | None, tuple[float, ...]]:
        """The frames at these places as (n, height, width, 3), and their seconds.

        Questions that take the same ones in a row share them.
        """
        if not len(places):
            return None, ()
        chosen = places.tolist()
        if self._latest is None or self._latest[0] != chosen:
            self._latest = chosen, np.stack([self.pixels[n] for n in chosen])
        return self._latest[1], tuple(self.times[n] for n in chosen)


def decode_pools(
    guard: Guard, videos: Sequence[Video], spec: AnswerSpec
) -> Iterator[tuple[str, Pool | Failed]]:
    """The frames of each video, by id, or why it has none."""
    parts = spec.frames if spec.sampling == "uniform" else TIMES_AS_MANY * spec.frames
    pool = Pool()
    for event in guard.decode(videos, Sampling(every_nth=None, parts=parts), resize=None):
        if isinstance(event, tuple):
            pool.times += event[1].seconds.tolist()
            pool.pixels += [shrink(each, spec.side) for each in event[1].pixels]
            continue
        if isinstance(event, Done):
            pool.stats = event.value
            yield event.id, pool
        else:
            yield event.id, event
        pool = Pool()


def choose_places(times: Sequence[float], wanted: Sequence[float], count: int) -> np.ndarray:
    """Places of `count` frames: those nearest to the wanted times, then spread over the video.

    Ascending, and none twice; all where there are no more.
    """
    seconds = np.asarray(times)
    if len(seconds) <= count:
        return np.arange(len(seconds))
    near = list(dict.fromkeys(int(np.abs(seconds - each).argmin()) for each in wanted))[:count]
    rest = np.setdiff1d(np.arange(len(seconds)), near)
    spread = np.linspace(0, len(rest) - 1, count - len(near)).round().astype(int)
    return np.array(sorted([*near, *rest[spread].tolist()]), int)


def spread_moments(spans: Sequence[tuple[float, float]], count: int) -> list[float]:
    """Times within spans, the same number of each, up to `count` in all."""
    if not spans:
        return []
    each = max(1, count // len(spans))
    times = [start + (end - start) * (n + 0.5) / each for n in range(each) for start, end in spans]
    return times[:count]


def rank_keyframes(cosines: np.ndarray, seconds: np.ndarray, count: int) -> list[float]:
    """Times of the frames nearest to a question, apart by half of what an even spread has."""
    if not len(seconds):
        return []
    gap = float(seconds[-1] - seconds[0]) / (2 * count)
    return seconds[select_best(cosines, seconds, count, gap)].tolist()
