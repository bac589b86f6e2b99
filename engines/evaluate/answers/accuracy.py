"""Accuracies of verdicts with 95 % intervals: overall, and by duration, domain and task type."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from engines.evaluate.answers.verdicts import Verdict
from engines.evaluate.statistics import estimate_mean

# How questions are grouped, and by which of their fields.
GROUPS = {
    "duration": "duration_group", "domain": "domain", "sub-domain": "sub_domain",
    "task type": "task_type",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Accuracy:
    """The share of `counted` questions that is right, with Wilson's interval over videos.

    Questions of one video are not independent. `unread` have no letter, `removed` are in no
    denominator; `share` is None where nothing is counted.
    """

    group: str
    name: str
    counted: int
    right: int
    share: float | None
    low: float | None
    high: float | None
    unread: int
    removed: int


@dataclass(frozen=True, slots=True)
class Accuracies:
    """Overall, over questions (micro); the mean of the task types (macro); and by group."""

    micro: Accuracy
    macro: float | None
    groups: tuple[Accuracy, ...]


def measure_accuracies(verdicts: Sequence[Verdict]) -> Accuracies:
    """All accuracies; groups are in the order in which the questions have them."""
    groups = [
        _measure(group, name, [v for v in verdicts if getattr(v.question, field) == name])
        for group, field in GROUPS.items()
        for name in dict.fromkeys(getattr(v.question, field) for v in verdicts)
        if name is not None
    ]
    # The mean that MLVU calls M-Avg; others publish the share of all questions under that name.
    shares = [g.share for g in groups if g.group == "task type" and g.share is not None]
    macro = sum(shares) / len(shares) if shares else None
    return Accuracies(_measure("all", "all", verdicts), macro, tuple(groups))


def _measure(group: str, name: str, verdicts: Iterable[Verdict]) -> Accuracy:
    listed = list(verdicts)
    counted = [v for v in listed if v.counted]
    unread = sum(v.given is None for v in listed)
    if not counted:
        return Accuracy(group, name, 0, 0, None, None, None, unread, len(listed))
    right = np.array([v.right for v in counted], float)
    mean = estimate_mean(right, [v.question.video for v in counted])
    return Accuracy(
        group, name, len(counted), int(right.sum()), mean.mean, mean.low, mean.high, unread,
        len(listed) - len(counted),
    )  # fmt: skip
