"""Which texts of a video go with a question: the published rule, and ours.

Vectors of texts are (n, dim) of unit length, of queries (m, dim) as the encoder gives them.
"""

from collections.abc import Sequence

import numpy as np

PUBLISHED_THRESHOLD = 0.3  # Video-RAG's, of Contriever's cosines
TOKENS_A_WORD = 1.4  # of English, by common tokenizers; enough for a budget


def normalise(vectors: np.ndarray) -> np.ndarray:
    """The vectors at unit length; zeros stay zeros."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.where(lengths > 0, lengths, 1.0)


def score_texts(queries: np.ndarray, texts: np.ndarray) -> np.ndarray:
    """Cosines (n,) of texts to the mean of the queries' vectors, which are not normalised first.

    Video-RAG (arXiv 2411.13093) averages what its encoder gives for the question, each option and
    the request, so that a longer vector weighs more.
    """
    if not len(queries) or not len(texts):
        return np.zeros(len(texts), np.float32)
    return texts @ normalise(queries.mean(0))


def select_published(scores: np.ndarray, threshold: float = PUBLISHED_THRESHOLD) -> np.ndarray:
    """All texts above the threshold, strictly, in their own order: no cap."""
    return np.flatnonzero(scores > threshold)


def select_texts(
    scores: np.ndarray, tokens: Sequence[int], threshold: float, most: int, budget: int
) -> np.ndarray:
    """The best texts at or above a threshold, at most so many and of so many tokens in all.

    The lowest scores are dropped first; those that are left are in their own order. The best one
    is kept whatever its length: without it the model would answer from nothing.
    """
    kept, spent = list[int](), 0
    for number in np.argsort(-scores, kind="stable")[:most]:
        if scores[number] < threshold or (kept and spent + tokens[number] > budget):
            break
        kept.append(int(number))
        spent += tokens[number]
    return np.array(sorted(kept), int)


def count_tokens(text: str) -> int:
    """About how many tokens a model reads a text as; signs without spaces count one each."""
    wide = sum(ord(sign) > 0x2E80 for sign in text)
    return max(1, round(len(text.split()) * TOKENS_A_WORD) + wide)


def calibrate_threshold(
    texts: np.ndarray, owners: Sequence[str], quantile: float = 0.95, pairs: int = 20_000
) -> float:
    """The cosine that only 5 % of pairs of texts of different videos reach, by this encoder.

    Encoders differ: 0.3 of Contriever is nothing of an encoder whose cosines lie at 0.6 to 0.9. 0.0
    where there are no two videos.
    """
    random = np.random.default_rng(0)
    if len(set(owners)) < 2:
        return 0.0
    names = np.asarray(owners)
    first, second = random.integers(0, len(texts), (2, pairs))
    apart = names[first] != names[second]
    cosines = (texts[first[apart]].astype(np.float32) * texts[second[apart]]).sum(1)
    return float(np.quantile(cosines, quantile))
