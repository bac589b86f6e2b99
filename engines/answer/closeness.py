"""How close each option is to each piece of evidence, for answers without a language model."""

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

from engines.retrieve.words import split_words

ANSWERING = 0.25  # the cosine of a question with a text that answers it, by the bundled encoder
BESIDE = 0.01  # that of a text beside the point: where no text is to it, an option's words decide
FRAME_SHARE = 0.1  # of a deviation among options: words that are found outweigh any picture


def compare_texts(
    question: str, options: Sequence[str], texts: Sequence[str], cosines: np.ndarray,
    asked_cosines: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """(options, texts): the mean of cosine and shared words, as far as the text is to the point.

    `cosines` are those of the options, `asked_cosines` (texts,) those of the question: of two
    options that were both spoken of, the one in the sentences about the question is meant.
    Shared words are the share of an option's words that one sentence has, weighted by how few
    options have the word, and counted up to twice for a sentence that has the question's words.
    """
    words = [split_words(each) for each in options]
    used = Counter(word for each in words for word in set(each))
    weights = {word: 1.0 / count for word, count in used.items()}
    question_words = set(split_words(question)) - used.keys()
    shared = np.array(
        [[_share_words(each, text, weights, question_words) for text in texts] for each in words]
    ).reshape(len(options), len(texts))
    point = np.clip(asked_cosines, BESIDE, None) / ANSWERING
    return (point * (cosines + shared) / 2).astype(np.float32)


def compare_frames(cosines: np.ndarray) -> np.ndarray:
    """(options, frames): which option each frame is nearest to, in a tenth of their deviation."""
    apart = cosines - cosines.mean(0, keepdims=True)
    deviation = float(cosines.std()) or 1.0
    return (FRAME_SHARE * apart / deviation).astype(np.float32)


def _share_words(
    option: Sequence[str], text: str, weights: dict[str, float], asked: set[str]
) -> float:
    total = sum(weights[word] for word in option)
    best = 0.0
    for sentence in re.split(r"(?<=[.!?])\s+", text):
        words = set(split_words(sentence))
        found = sum(weights[word] for word in option if word in words) / total if total else 0.0
        about = len(asked & words) / len(asked) if asked else 0.0
        best = max(best, found * (1 + about))
    return best / 2
