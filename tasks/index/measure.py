"""Measures the recall of a version before it is published: with all vectors or those added."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engines.index import recall
from engines.index.filtered import PROBED
from engines.index.frame_vectors import FrameVectors
from engines.index.ground_truth import GroundTruth, draw_truth
from engines.index.index import Index
from engines.index.kinds import flat
from engines.index.pooled_vectors import PooledVectors

Figures = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Measurement:
    """Measures the index `new`, which was written at `new` in a folder that is still being built.

    Raises `BelowGate` where a recall is below the gate. The true neighbours are kept with the
    version, for those that extend it.
    """

    folder: Path
    new: Index
    list_vectors: Callable[[], PooledVectors | FrameVectors]
    texts: np.ndarray | None
    gate: float

    def measure_whole(self) -> Figures:
        """The recall@10 against exact search over all vectors, with all rows and with some."""
        # Built anew from all vectors, so that rows lost in extending would lower the recall.
        flat.build(self.list_vectors().batches(), self.folder / "exact")
        exact = flat.open_index(self.folder / "exact")
        truth = draw_truth(exact, self.texts)
        figures = self._check_recall(truth, [])
        truth.write(self.folder / "new")
        # Frames are searched without conditions: they only name candidates.
        filtered = {} if self.new.frame_rows else self._measure_filtered(exact)
        return {"recall_at_10": figures, **filtered}

    def measure_grown(
        self, truth: GroundTruth | None, added: PooledVectors | FrameVectors, stale: list[str]
    ) -> Figures:
        """The same of an extended version, by the true neighbours kept and those added.

        So a night costs what it adds. All vectors are measured with once the corpus has grown by a
        tenth. Recall under filters is as it was then: what is kept of a search that passes.
        """
        truth = truth and truth.extend(added.batches())
        shown = truth and truth.exclude(stale)
        if truth is None or shown is None or not shown.suffices(len(self.new) - len(stale)):
            return self.measure_whole()
        figures = self._check_recall(shown, stale)
        truth.write(self.folder / "new")
        return {"recall_at_10": figures}

    def _measure_filtered(self, exact: Index) -> dict[str, Any]:
        """The recall under filters, and whether those that keep very many are probed."""
        about = self.new.about
        for probed in (True, False):  # where probing is below the gate, every row is compared
            about[PROBED] = probed
            figures = recall.measure_filtered(self.new, exact, texts=self.texts)
            if min(figures.values()) >= self.gate:
                break
        recall.check_gate(figures, self.gate)
        return {"filtered_recall_at_10": figures, PROBED: about[PROBED]}

    def _check_recall(self, truth: GroundTruth, stale: list[str]) -> dict[str, float]:
        figures = recall.measure_recall(self.new, truth, stale)
        recall.check_gate(figures, self.gate)
        return figures
