"""Chooses the frames of a question by the vectors that a video's frames are stored with."""

from collections.abc import Callable, Sequence

import numpy as np

from data.specs.answer import AnswerSpec
from data.specs.pipeline import EmbedSpec
from engines.answer.frames import Pool, choose_places, rank_keyframes, spread_moments
from engines.answer.items import AnswerTask
from engines.answer.state import Asked
from engines.answer.vectors import FrameQueries
from engines.retrieve.keyframes import select_published


class FrameChooser:
    """Compares questions with stored frames; `embed` is the spec of their model, if any."""

    def __init__(self, spec: AnswerSpec, embed: EmbedSpec | None) -> None:
        self._spec, self._queries = spec, FrameQueries(embed) if embed else None

    def choose_keyframes(self, task: AnswerTask, asked: Asked, pool: Pool) -> list[int]:
        """Places of the frames most like what a request names; spread where nothing is compared.

        As published, those that stand out from the video's mean: often none.
        """
        compare, stored, wanted = self.compare(task), task.frames, list[float]()
        if compare and stored is not None:
            cosines = compare([f"A picture of {name}" for name in asked.request.objects]).mean(0)
            if self._spec.rule == "published":
                chosen = select_published(cosines)
                seconds = stored.seconds[chosen].tolist()
                times = np.asarray(pool.times)
                return sorted({int(np.abs(times - each).argmin()) for each in seconds})
            wanted = rank_keyframes(cosines, stored.seconds, self._spec.keyframes)
        return choose_places(pool.times, wanted, self._spec.keyframes).tolist()

    def choose_times(self, task: AnswerTask, asked: Asked) -> list[float]:
        """The times that a question's frames are to be near to; empty: all over the video."""
        if self._spec.sampling == "moment":
            own = [each for each in asked.evidence if each.video == task.video.id]
            return spread_moments([(each.start, each.end) for each in own], self._spec.frames)
        if self._spec.sampling == "keyframe" and (compare := self.compare(task)):
            stored = task.frames
            assert stored is not None
            cosines = compare([asked.question.text, *asked.question.options]).mean(0)
            return rank_keyframes(cosines, stored.seconds, self._spec.frames)
        return []

    def compare(self, task: AnswerTask) -> Callable[[Sequence[str]], np.ndarray] | None:
        """Cosines (texts, frames) with the stored frames of a video; None where it has none."""
        stored, queries = task.frames, self._queries
        if stored is None or queries is None or not len(stored.seconds):
            return None
        return lambda texts: queries.encode(texts) @ stored.vectors.T
