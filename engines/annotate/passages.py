"""Joins the sentences of a speech model into passages that are long enough to be looked up."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Self

import numpy as np

from data.store.texts import Text


@dataclass(frozen=True, slots=True)
class Sentence:
    """A stretch of speech as the model gave it, with the figures that it was judged by."""

    start: float
    end: float
    text: str
    log_probability: float
    no_speech: float
    compression: float
    language: str | None = None

    def end_by(self, seconds: float) -> Self:
        """The same sentence, ending there at the latest."""
        return replace(self, start=min(self.start, seconds), end=min(self.end, seconds))

    def shift(self, seconds: float) -> Self:
        """The same sentence so much later, and never before the first frame."""
        start, end = max(0.0, self.start + seconds), max(0.0, self.end + seconds)
        return replace(self, start=start, end=end)


def join_sentences(
    sentences: Iterable[Sentence], shortest_s: float, longest_s: float
) -> list[Text]:
    """Passages in order: each takes up sentences until it is `shortest_s` long.

    None grows beyond `longest_s` by a further sentence, and none has two languages. A passage's
    score is the mean probability of its words: exp of the mean log-probability, by length.
    """
    return [_to_text(group) for group in _group_sentences(sentences, shortest_s, longest_s)]


def _group_sentences(
    sentences: Iterable[Sentence], shortest_s: float, longest_s: float
) -> Iterator[list[Sentence]]:
    group: list[Sentence] = []
    for sentence in sentences:
        if group:
            start, last = group[0].start, group[-1]
            is_full = last.end - start >= shortest_s or sentence.end - start > longest_s
            if is_full or sentence.language != last.language:
                yield group
                group = []
        group.append(sentence)
    if group:
        yield group


def _to_text(group: list[Sentence]) -> Text:
    lengths = np.array([max(len(each.text), 1) for each in group])
    mean = np.average([each.log_probability for each in group], weights=lengths)
    rounded = [
        {key: round(value, 3) if isinstance(value, float) else value
         for key, value in asdict(each).items()}
        for each in group
    ]  # fmt: skip
    return Text(
        round(group[0].start, 2), round(group[-1].end, 2), " ".join(each.text for each in group),
        score=round(float(np.exp(min(mean, 0.0))), 3), language=group[0].language,
        record=json.dumps({"sentences": rounded}, ensure_ascii=False),
    )  # fmt: skip
