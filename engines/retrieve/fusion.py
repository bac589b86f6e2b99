"""Fuses rankings by reciprocal rank (Cormack et al. 2009)."""

from collections.abc import Sequence

import numpy as np

OFFSET = 60  # of the paper: a first place counts little more than a second one


def fuse_ranks(rankings: Sequence[np.ndarray], count: int) -> np.ndarray:
    """(count,) scores of items, each the sum of 1 / (60 + its rank) over the rankings it is in.

    A ranking is item numbers, best first.
    """
    scores = np.zeros(count)
    for ranking in rankings:
        scores[ranking] += 1.0 / (OFFSET + 1 + np.arange(len(ranking)))
    return scores


def rank_items(scores: np.ndarray, most: int, above: float = -np.inf) -> np.ndarray:
    """The numbers of the `most` best items with a score above a limit; ties in their order."""
    order = np.argsort(-scores, kind="stable")[:most]
    return order[scores[order] > above]
