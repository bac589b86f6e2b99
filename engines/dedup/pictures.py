"""Compares the pictures of two videos where their frame vectors agree: what a model cannot tell.

A model that knows what is seen gives two videos of like things like vectors. Their pictures differ:
in where things are, and in how they move.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from data.outcome import Done, Failed
from data.records import Video
from engines.dedup.comparison import Pair
from engines.dedup.frames import Fault
from engines.video.frames import Frames, Resize, Sampling
from engines.video.guard.guard import Guard
from engines.video.sampling import compute_steps, find_nearest

MOMENTS = 8  # compared, spread over what both show
DECODED = Resize(64, "squash")
SIDE = 16  # of a picture that is compared: blocks of an encoder leave it alone
BLACK = 20  # grey levels that a letterbox may have
MIN_SIDE = 8  # of what lies between its bars
SHOWN = (1.0, 0.9, 0.8)  # of each side, that a crop may leave
NOISE = 6.0**2  # grey levels squared by which copies differ: pictures that move less stand still


def correlate_pairs(
    guard: Guard, pairs: Sequence[Pair], videos: Mapping[str, Video | None]
) -> list[float | Fault]:
    """How alike the pictures of each pair are, by `compare_pictures`; `videos` are by content.

    A pair of which one file cannot be read has the fault of that.
    """
    values: list[float | Fault] = [Fault("missing", "no file of it is in the corpus")] * len(pairs)
    jobs: list[tuple[Video, Sampling]] = []
    for number, pair in enumerate(pairs):
        one, other = videos.get(pair.one), videos.get(pair.other)
        if one is not None and other is not None:
            jobs.append((replace(one, id=f"{number}.0"), _sample_span(pair.alignment.first)))
            jobs.append((replace(other, id=f"{number}.1"), _sample_span(pair.alignment.second)))
    samplings = {video.id: sampling for video, sampling in jobs}
    shown: dict[str, list[Frames]] = {}
    for event in guard.decode_each(jobs, DECODED):
        if isinstance(event, Done | Failed):
            number, side = map(int, event.id.split("."))
            content = (pairs[number].one, pairs[number].other)[side]
            if isinstance(event, Failed):
                values[number] = Fault(event.reason, f"pictures of {content}: {event.detail}")
            elif side and f"{number}.0" in shown and event.id in shown:
                names = (f"{number}.{each}" for each in range(2))
                both = (_repeat_frames(shown.pop(name), samplings[name]) for name in names)
                values[number] = compare_pictures(*both)
        else:
            shown.setdefault(event[0].id, []).append(event[1])
    return values


def _repeat_frames(parts: Sequence[Frames], sampling: Sampling) -> np.ndarray:
    """The picture at each moment: decoders give one that several moments are nearest to once."""
    seconds = np.concatenate([part.seconds for part in parts])
    pixels: np.ndarray = np.concatenate([part.pixels for part in parts])
    return pixels[find_nearest(seconds, compute_steps(sampling))]


def _sample_span(span: tuple[float, float]) -> Sampling:
    """The moments to compare of a video, from the first second of a span to its last."""
    length = max(span[1] - span[0], 1e-3)
    return Sampling(None, (MOMENTS - 1) / length, start_s=max(span[0], 0.0), count=MOMENTS)


def compare_pictures(one: np.ndarray, other: np.ndarray) -> float:
    """How alike two videos' pictures (n, 3, height, width) of the same moments are, at most 1.

    It is the correlation of small grey pictures, and of how they change from their mean, whichever
    is less; the best of both as they are, without black bars, cropped and mirrored.
    """
    first, second = (_cut_bars(each.astype(np.float32).mean(axis=1)) for each in (one, other))
    best = -1.0
    for share in SHOWN:
        for a, b in ((_crop(first, share), second), (first, _crop(second, share))):
            small, large = _shrink(a), _shrink(b)
            for turned in (large, large[:, :, ::-1]):
                best = max(best, min(_correlate(small, turned), _correlate_changes(small, turned)))
    return best


def _cut_bars(grey: np.ndarray) -> np.ndarray:
    """Pictures (n, height, width) without the rows and columns that are black in all of them."""
    brightest = grey.max(axis=0)
    rows, columns = (np.flatnonzero(brightest.max(axis=axis) > BLACK) for axis in (1, 0))
    if min(len(rows), len(columns)) < MIN_SIDE:
        return grey
    return grey[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _crop(grey: np.ndarray, share: float) -> np.ndarray:
    top, left = (int(side * (1 - share) / 2) for side in grey.shape[1:])
    return grey[:, top : grey.shape[1] - top, left : grey.shape[2] - left]


def _shrink(grey: np.ndarray) -> np.ndarray:
    """Pictures (n, 16, 16), each value the mean of a part."""
    for axis in (1, 2):
        edges = np.linspace(0, grey.shape[axis], SIDE + 1).astype(int)
        sums = np.add.reduceat(grey, edges[:-1], axis=axis)
        grey = sums / np.diff(edges).reshape([-1 if a == axis else 1 for a in range(3)])
    return grey


def _correlate(one: np.ndarray, other: np.ndarray) -> float:
    a, b = (each - each.mean(axis=(1, 2), keepdims=True) for each in (one, other))
    noise = NOISE * one.size / SIDE  # even pictures are alike
    return _divide(a, b, noise)


def _correlate_changes(one: np.ndarray, other: np.ndarray) -> float:
    a, b = one - one.mean(axis=0), other - other.mean(axis=0)
    return _divide(a, b, NOISE * one.size)


def _divide(a: np.ndarray, b: np.ndarray, noise: float) -> float:
    """The correlation of two arrays, 1 where both are no more than noise."""
    shared, own, others = (float((x * y).sum()) + noise for x, y in ((a, b), (a, a), (b, b)))
    return shared / float(np.sqrt(own * others))
