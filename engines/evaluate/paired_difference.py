"""Whether conditions differ: paired by request, with intervals."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from engines.evaluate.statistics import interval

Row = Mapping[str, Any]  # as `tables.SCORES`
BASE = "k=0"


@dataclass(frozen=True, slots=True)
class Result:
    """A metric under a condition: its mean, and its difference to k=0 with its 95 % interval."""

    condition: str
    controller: str
    k: int
    shuffled: bool
    metric: str
    n: int
    mean: float
    difference: float
    low: float
    high: float


def compare(rows: Iterable[Row]) -> list[Result]:
    """Each condition against k=0; a request that either of the two lacks counts in neither."""
    measured: dict[tuple[str, str], dict[str, Row]] = {}
    for row in rows:
        if row["value"] is None:
            continue
        of = measured.setdefault((row["metric"], row["condition"]), {})
        of[row["request_id"]] = row
    return [
        _result([(row, base[id]) for id, row in found.items() if id in base])
        for (metric, _), found in measured.items()
        if (base := measured[metric, BASE])
    ]


def _result(pairs: list[tuple[Row, Row]]) -> Result:
    first = pairs[0][0]
    values, without = (np.array([pair[side]["value"] for pair in pairs]) for side in (0, 1))
    apart = interval(values - without)
    said = {name: first[name] for name in ("condition", "controller", "k", "shuffled", "metric")}
    return Result(
        **said, n=len(pairs), mean=float(values.mean()),
        difference=apart.mean, low=apart.low, high=apart.high,
    )  # fmt: skip
