"""Search by words: BM25 (Robertson & Zaragoza 2009), by bm25s."""

import logging
import re
from collections.abc import Sequence

import numpy as np

# Scripts without spaces between words: each sign is taken for one.
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|\w(?:(?![\u3040-\u9fff])\w)*")


def split_words(text: str) -> list[str]:
    """The words of a text, in lower case; signs of Chinese, Japanese and Korean by themselves."""
    return _WORD.findall(text.casefold())


class WordIndex:
    """Texts by their words; made once, and asked any number of times."""

    def __init__(self, texts: Sequence[str]) -> None:
        import bm25s

        logging.getLogger("bm25s").setLevel(logging.WARNING)  # its debug lines reach the terminal
        words = [split_words(text) for text in texts]
        self._count = len(texts)
        self._known = set().union(*words) if words else set()
        self._index = None
        if self._known:  # bm25s cannot index nothing
            self._index = bm25s.BM25()
            self._index.index(words, show_progress=False)

    def score(self, query: str) -> np.ndarray:
        """(n,) float32: 0 for a text that has none of the words."""
        words = [word for word in split_words(query) if word in self._known]
        if not words or self._index is None:
            return np.zeros(self._count, np.float32)
        return np.asarray(self._index.get_scores(words), np.float32)
