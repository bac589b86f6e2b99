"""Keyframes of a video for some phrases: by Video-RAG's rule, and by rank with a gap."""

import numpy as np

SCALE, THRESHOLD = 16.0, 0.3  # of the published rule


def select_published(similarity: np.ndarray, beta: float = 3.0) -> np.ndarray:
    """Frames (n,) whose share of all similarities is high: S_j > (4.8 / beta) x the mean of S.

    With beta 3, the code's, a frame needs 1.6 times the mean, which those of one video rarely have;
    with 4, the paper's, 1.2 times. A sum that is not positive selects nothing, where the published
    division would turn signs around and select the least similar.
    """
    total = similarity.sum()
    if not len(similarity) or total <= 0:
        return np.array([], int)
    share = beta * len(similarity) / SCALE * similarity / total
    return np.flatnonzero(share > THRESHOLD)


def select_best(
    similarity: np.ndarray, seconds: np.ndarray, most: int = 8, gap_s: float = 2.0
) -> np.ndarray:
    """The most similar frames (n,), no two closer than `gap_s`, in order of time."""
    chosen: list[int] = []
    for number in np.argsort(-similarity, kind="stable"):
        if len(chosen) == most:
            break
        if all(abs(seconds[number] - seconds[other]) >= gap_s for other in chosen):
            chosen.append(int(number))
    return np.array(sorted(chosen), int)
