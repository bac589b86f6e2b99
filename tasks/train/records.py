"""What trainings share: the record in their folder, and how progress is published."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from data.errors import UserError
from engines.train.loop import RESUME
from tasks.progress import Progress, format_clock, publish_progress

RECORD = "training.json"


def read_finished(
    folder: Path, record: dict[str, Any], is_made: Callable[[dict[str, Any], int], bool]
) -> dict[str, Any] | None:
    """The record of this training, if the folder holds it finished; None if it is to go on.

    `is_made` says of the folder's record whether the result of so many steps is there. A UserError
    where the folder holds anything else, or nothing to go on from.
    """
    if not (folder / RECORD).exists():
        if folder.is_dir() and any(folder.iterdir()):
            raise UserError(f"{folder} has other files in it: name a new folder with --out")
        return None
    existing: dict[str, Any] = json.loads((folder / RECORD).read_text())
    steps, before = record["spec"]["steps"], existing["spec"]["steps"]
    changed = list_changes(existing, record)
    if changed or (before == steps and existing["fingerprint"] != record["fingerprint"]):
        what = "; ".join(changed) or "another version of reelflow"
        raise UserError(f"{folder} holds another training ({what}): name another folder with --out")
    if before > steps:
        raise UserError(f"{folder} is trained for {before:,} steps: use --steps {before} or more")
    if is_made(existing, before) and before < steps and not (folder / RESUME).exists():
        raise UserError(
            f"{folder} has no {RESUME}, which a training goes on from: name another folder with"
            f" --out, or use --steps {before}"
        )
    return existing if is_made(existing, steps) else None


def write_record(folder: Path, record: dict[str, Any]) -> None:
    """Writes the record of a training into its folder, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f".{RECORD}.part"
    draft.write_text(json.dumps(record, indent=2) + "\n")
    draft.replace(folder / RECORD)


def list_changes(existing: dict[str, Any], record: dict[str, Any]) -> list[str]:
    """What differs from an earlier training, but for the number of steps."""
    old, new = (
        flatten({key: each.get(key) for key in ("corpus", "footage", "base", "inputs", "spec")})
        for each in (existing, record)
    )
    # Fields that the earlier record lacks are newer than it: they had their defaults then.
    return [
        f"{key.removeprefix('spec.').removeprefix('inputs.')} {old[key]}, now {new[key]}"
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
