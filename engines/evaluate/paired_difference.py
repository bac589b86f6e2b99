"""Differences between experiment conditions, paired by request, with confidence intervals."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engines.evaluate.statistics import estimate_mean

Row = Mapping[str, Any]  # as `tables.SCORES`
BASELINE = "k=0"


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """A metric's mean under a condition, and its difference to another with a 95 % interval.

    Both are over `prompts`, of which each counts by the mean of its samples, `n` videos in all.
    The interval is None where the prompts are too few for one.
    """

    condition: str
    controller: str
    k: int
    shuffled: bool
    metric: str
    n: int
    mean: float
    difference: float
    low: float | None
    high: float | None
    prompts: int | None = None  # None in results of 0.1.0, whose intervals are over videos


def compare_conditions(rows: Iterable[Row], baseline: str = BASELINE) -> list[PairedDifference]:
    """Compares each condition with one, by the requests that have a value under both."""
    groups: dict[tuple[str, str], dict[str, Row]] = {}
    for row in rows:
        if row["value"] is None:
            continue
        group = groups.setdefault((row["metric"], row["condition"]), {})
        group[row["request_id"]] = row
    differences = []
    for (metric, _), group in groups.items():
        # A metric may have no value at all under it, or none for the same requests.
        base = groups.get((metric, baseline), {})
        if pairs := [(row, base[id]) for id, row in group.items() if id in base]:
            differences.append(_build_difference(pairs))
    return differences


def _build_difference(pairs: list[tuple[Row, Row]]) -> PairedDifference:
    first, prompts = pairs[0][0], [row["prompt_id"] for row, _ in pairs]
    values, baseline = (
        _average_prompts(prompts, [pair[side]["value"] for pair in pairs]) for side in (0, 1)
    )
    # Samples of a prompt share its clips: each prompt is one observation, however many there are.
    difference = estimate_mean(values - baseline, paired=True)
    labels = {name: first[name] for name in ("condition", "controller", "k", "shuffled", "metric")}
    return PairedDifference(
        **labels, n=len(pairs), mean=float(values.mean()),
        difference=difference.mean, low=difference.low, high=difference.high,
        prompts=difference.units,
    )  # fmt: skip


def _average_prompts(prompts: Sequence[str], values: Sequence[float]) -> np.ndarray:
    """The mean value of each prompt, in the order of the prompts' ids."""
    _, of, counts = np.unique(np.asarray(prompts), return_inverse=True, return_counts=True)
    return np.bincount(of, weights=values) / counts
