"""What trainings share: the differences of two records, and how progress is published."""

import time
from collections.abc import Callable
from typing import Any

from tasks.progress import Progress, format_clock, publish_progress


def list_changes(existing: dict[str, Any], record: dict[str, Any]) -> list[str]:
    """What differs from an earlier training, but for the number of steps."""
    old, new = (
        flatten({key: each.get(key) for key in ("corpus", "footage", "base", "spec")})
        for each in (existing, record)
    )
    # Fields that the earlier record lacks are newer than it: they had their defaults then.
    return [
        f"{key.removeprefix('spec.')} {old[key]}, now {new[key]}"
        for key in sorted(old.keys() & new.keys() - {"spec.steps"})
        if old[key] != new[key]
    ]


def flatten(record: dict[str, Any], parent: str = "") -> dict[str, Any]:
    """The values of a record of records, by their paths: {"spec.lesson.k": 5}."""
    flat: dict[str, Any] = {}
    for key, value in record.items():
        path = f"{parent}{key}"
        flat |= flatten(value, f"{path}.") if isinstance(value, dict) else {path: value}
    return flat


def make_reporter(steps: int) -> Callable[[int, float], None]:
    """A callback that publishes the step, the loss, and the speed since its last call."""
    progress, before = Progress("train", steps), list[float]()

    def report_step(step: int, loss: float) -> None:
        now = time.monotonic()
        speed = ""
        if before:
            rate = (step - before[0]) / (now - before[1])
            speed = f" · {rate:.2f} steps/s · {format_clock((steps - step) / rate)} left"
        before[:] = step, now
        progress.note = f"train step {step:,}/{steps:,} · loss {loss:.4f}{speed}"
        publish_progress(progress)

    return report_step
