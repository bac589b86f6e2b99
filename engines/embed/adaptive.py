"""Embeds as many frames of a video as its mean needs: a few at first, then twice as many, and on.

Round n takes the frames in the middle of 2ⁿ equal parts of the video; no frame is in two rounds.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from data.outcome import Done, Outcome
from data.records import Video
from engines.embed.frame_packer import FrameVectors

ROUNDS = 12  # the last one of 4096 parts: more frames than any mean needs
EmbedParts = Callable[[Sequence[Video], int], Iterable[Outcome[FrameVectors]]]


def embed_adaptively(
    batch: Sequence[Video], epsilon: float, embed: EmbedParts, most: int | None = None
) -> Iterator[Outcome[FrameVectors]]:
    """One outcome per video: frames until their mean moves by less than `epsilon` in a round.

    `embed(videos, parts)` gives the frames in the middle of so many parts. Movement is the cosine
    distance of the mean of unit vectors, before and after. `most` bounds the frames of a video.
    """
    left = {video.id: video for video in batch}
    gathered: dict[str, FrameVectors] = {}
    for number in range(1, ROUNDS + 1):
        for outcome in embed(list(left.values()), 2**number):
            if not isinstance(outcome, Done):
                left.pop(outcome.id)
                yield outcome
                continue
            before = gathered.get(outcome.id)
            now = outcome.value if before is None else _join(before, outcome.value)
            gathered[outcome.id] = now
            if number == ROUNDS or _is_settled(before, now, epsilon, most):
                left.pop(outcome.id)
                yield Done(outcome.id, gathered.pop(outcome.id))
        if not left:
            return


def _is_settled(
    before: FrameVectors | None, now: FrameVectors, epsilon: float, most: int | None
) -> bool:
    """Whether another round is not worth it, or must not be."""
    count = len(now.frame)
    if most is not None and 2 * count + 2 > most:  # what the next round would come to
        return True
    if before is None:
        return False
    # Every frame is in by then: parts are no longer than frames.
    if count == len(before.frame):
        return True
    return 1.0 - float(_mean(before.vector) @ _mean(now.vector)) < epsilon


def _mean(vectors: np.ndarray) -> np.ndarray:
    wide = vectors.astype(np.float64)
    mean = (wide / np.linalg.norm(wide, axis=1, keepdims=True)).mean(axis=0)
    unit: np.ndarray = mean / np.linalg.norm(mean)
    return unit


def _join(before: FrameVectors, new: FrameVectors) -> FrameVectors:
    """Both, in order of time; a frame that is in both, once."""
    frame = np.concatenate([before.frame, new.frame])
    order = np.unique(frame, return_index=True)[1]
    return FrameVectors(
        frame[order],
        np.concatenate([before.seconds, new.seconds])[order],
        np.concatenate([before.vector, new.vector])[order],
        before.read_s + new.read_s,
        before.decode_s + new.decode_s,
        before.model_s + new.model_s,
        max(before.damaged, new.damaged),
    )
