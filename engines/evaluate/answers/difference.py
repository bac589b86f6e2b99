"""Two runs over the same questions: the paired difference, with an interval and McNemar's test."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import comb

import numpy as np

from engines.evaluate.answers.verdicts import Verdict
from engines.evaluate.statistics import estimate_mean


@dataclass(frozen=True, slots=True)
class AccuracyDifference:
    """How much more of the same `questions` is right than in another run.

    `low` and `high` bound the 95 % interval over videos. `gained` became right and `lost` wrong;
    `p` is McNemar's, exact, of questions that are as likely to be either.
    """

    questions: int
    share: float
    difference: float
    low: float | None
    high: float | None
    gained: int
    lost: int
    p: float


def compare_verdicts(
    verdicts: Sequence[Verdict], baseline: Iterable[Verdict]
) -> AccuracyDifference | None:
    """The difference over the questions that count in both runs; None where there are none."""
    before = {v.question.id: v for v in baseline if v.counted}
    pairs = [(v, before[v.question.id]) for v in verdicts if v.counted and v.question.id in before]
    if not pairs:
        return None
    # By question, so that how hard each one is cancels out.
    change = np.array([float(a.right) - float(b.right) for a, b in pairs])
    mean = estimate_mean(change, [a.question.video for a, _ in pairs], paired=True)
    gained, lost = int((change > 0).sum()), int((change < 0).sum())
    share = sum(a.right for a, _ in pairs) / len(pairs)
    p = compute_mcnemar(gained, lost)
    # No share can change by more than the whole, as Student's interval near the end would have it.
    low, high = (None if end is None else max(-1.0, min(1.0, end)) for end in (mean.low, mean.high))
    return AccuracyDifference(len(pairs), share, mean.mean, low, high, gained, lost, p)


def compute_mcnemar(gained: int, lost: int) -> float:
    """The two-sided exact p of so many pairs in one direction and in the other (McNemar 1947)."""
    total, fewer = gained + lost, min(gained, lost)
    tail = sum(comb(total, n) for n in range(fewer + 1)) / 2**total
    return min(1.0, 2 * tail)
