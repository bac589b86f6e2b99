"""Two ways to do one thing, measured in turn, so that a busy machine slows both alike."""

import os
import resource
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial


@dataclass(frozen=True, slots=True)
class Pairs:
    """Seconds of each turn, of our way and of the bare one."""

    ours: tuple[float, ...]
    bare: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """The median of the turns' quotients."""
        return statistics.median(self._quotients())

    @property
    def spread(self) -> float:
        """The quotients' interquartile range as a share of their median; 0 of a single turn."""
        if len(self.ours) < 2:
            return 0.0
        low, _, high = statistics.quantiles(self._quotients(), n=4, method="inclusive")
        return (high - low) / self.ratio

    def _quotients(self) -> list[float]:
        return [a / b for a, b in zip(self.ours, self.bare, strict=True)]


Call = Callable[[], object]


def measure_pairs(ours: Call, bare: Call, turns: int, seconds: Callable[[Call], float]) -> Pairs:
    """Both calls in so many turns, by a function that gives the `seconds` of one.

    Every other turn begins with the bare call: what the first leaves behind favours neither.
    """
    spent: tuple[list[float], list[float]] = ([], [])
    for turn in range(turns):
        for which in (0, 1) if turn % 2 == 0 else (1, 0):
            spent[which].append(seconds((ours, bare)[which]))
    return Pairs(tuple(spent[0]), tuple(spent[1]))


def wall_seconds(call: Call) -> float:
    """Seconds that pass during a call."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def measure_commands(
    ours: Sequence[str], bare: Sequence[str], turns: int, **environment: str
) -> Pairs:
    """CPU seconds of two commands, each in a cold process."""
    calls = [partial(_run_command, command, environment) for command in (ours, bare)]
    return measure_pairs(calls[0], calls[1], turns, children_cpu)


def children_cpu(call: Call) -> float:
    """Seconds of CPU, user's and system's, of the processes that a call waits for."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    call()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def _run_command(command: Sequence[str], environment: dict[str, str]) -> None:
    own = os.environ | environment
    own.pop("PREFECT_API_URL", None)
    subprocess.run(command, env=own, check=True, capture_output=True)
