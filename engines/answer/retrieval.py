"""Chooses the texts that go with a question, of those of one video."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from data.runs.answers import Evidence
from data.runs.questions import Question
from data.specs.answer import AnswerSpec
from data.store.texts import StoredText
from engines.answer.request import Request
from engines.retrieve.fusion import fuse_ranks, rank_items
from engines.retrieve.text_rules import (
    PUBLISHED_THRESHOLD,
    count_tokens,
    score_texts,
    select_published,
    select_texts,
)
from engines.retrieve.words import WordIndex

SPOKEN = ("speech", "captions")  # kinds that what is asked of speech goes to; objects to the others


@dataclass(frozen=True, slots=True)
class OpenPart:
    """Texts of one annotator of a video, with their vectors (n, dim) float32 of unit length."""

    video: str
    texts: Sequence[StoredText]
    vectors: np.ndarray
    encoder: int  # which of the worker's encoders the vectors are of


@dataclass(frozen=True, slots=True)
class Selected:
    """The texts of a question, as evidence, and the vectors of each (None: of several encoders)."""

    evidence: tuple[Evidence, ...]
    rows: tuple[tuple[int, int], ...]  # of each: its part, its place in it


class VideoTexts:
    """All texts of a video, indexed once for all of its questions."""

    def __init__(self, parts: Sequence[OpenPart]) -> None:
        self.parts = parts
        self.rows = [(p, n) for p, part in enumerate(parts) for n in range(len(part.texts))]
        self.texts = [parts[p].texts[n] for p, n in self.rows]
        self.tokens = [count_tokens(each.text) for each in self.texts]
        self._words: WordIndex | None = None

    def select(
        self, question: Question, request: Request, spec: AnswerSpec,
        vectors: Sequence[Mapping[str, np.ndarray]],
    ) -> Selected:  # fmt: skip
        """The texts for a question; `vectors` are those of all query texts, by encoder.

        None of them for `texts` none; all, within the budget, in order of time for `all`.
        """
        scores = np.concatenate(
            [self._score_part(part, question, request, vectors) for part in self.parts]
            or [np.zeros(0, np.float32)]
        )
        if spec.texts == "all":
            kept = self._fit_budget(spec.budget)
        elif spec.rule == "published":
            limit = PUBLISHED_THRESHOLD if spec.threshold is None else spec.threshold
            kept = select_published(scores, limit)
        else:
            kept = self._select_best(question, request, scores, spec)
        kept = np.array(sorted(kept.tolist(), key=lambda n: (self.texts[n].start, n)), int)
        return self._to_selected(kept, scores)

    def _select_best(
        self, question: Question, request: Request, scores: np.ndarray, spec: AnswerSpec
    ) -> np.ndarray:
        """By words and by meaning, fused by rank; cosines below the threshold are dropped."""
        if not self.texts:
            return np.zeros(0, int)
        if self._words is None:
            self._words = WordIndex([each.text for each in self.texts])
        words = self._words.score(" ".join(list_queries(question, request, spoken=None)))
        count = len(self.texts)
        fused = fuse_ranks([rank_items(words, count, above=0.0), rank_items(scores, count)], count)
        ranked = np.where(scores >= (-1 if spec.threshold is None else spec.threshold), fused, -1.0)
        return select_texts(ranked, self.tokens, 0.0, spec.top, spec.budget)

    def _fit_budget(self, budget: int) -> np.ndarray:
        order = sorted(range(len(self.texts)), key=lambda n: (self.texts[n].start, n))
        spent = np.cumsum([self.tokens[n] for n in order])
        fitting = max(1, int(np.searchsorted(spent, budget, "right")))  # one, however long it is
        return np.array(order[:fitting], int)

    def _score_part(
        self, part: OpenPart, question: Question, request: Request,
        vectors: Sequence[Mapping[str, np.ndarray]],
    ) -> np.ndarray:  # fmt: skip
        spoken = bool(part.texts) and part.texts[0].kind in SPOKEN
        queries = list_queries(question, request, spoken)
        known = vectors[part.encoder]
        return score_texts(np.stack([known[each] for each in queries]), part.vectors)

    def _to_selected(self, kept: np.ndarray, scores: np.ndarray) -> Selected:
        evidence = tuple(
            Evidence(
                text.kind, text.start, text.end, text.text, round(float(scores[n]), 4),
                self.parts[self.rows[n][0]].video,
            )
            for n, text in ((n, self.texts[n]) for n in kept.tolist())
        )  # fmt: skip
        return Selected(evidence, tuple(self.rows[n] for n in kept.tolist()))


def list_queries(question: Question, request: Request, spoken: bool | None) -> list[str]:
    """The question, its options, and what was asked of speech, of objects, or of both (None)."""
    asked = [question.text, *question.options]
    if spoken is not False and request.speech:
        asked.append(request.speech)
    if not spoken:
        asked += request.objects
    return asked
