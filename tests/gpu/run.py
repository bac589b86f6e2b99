"""Runs checks in a process of their own, and another one where that dies or hangs."""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from gpu.worker import list_checks

HANGS = 0.35  # of the time for all, which one check may take
STEP_S = 0.5
WORKER = Path(__file__).parent


def run_checks(families: list[str], size: str, limit_s: float) -> dict[str, Any]:
    """The rows of all checks of these families, in their order; `passed` if none has failed."""
    names = [f"{family}/{check.name}" for family in families for check in list_checks(family)]
    rows: dict[str, dict[str, Any]] = {}
    found: dict[str, Any] = {}
    ends = time.monotonic() + limit_s
    while left := [name for name in names if name not in rows]:
        if time.monotonic() >= ends:
            rows |= {name: _fail(name, f"not run within {limit_s:g} s") for name in left}
            break
        facts, cause = _watch_worker(left, size, ends, HANGS * limit_s)
        found |= next((fact for fact in facts if "machine" in fact), {})
        rows |= {fact["row"]["check"]: fact["row"] for fact in facts if "row" in fact}
        begun = next((f["begun"] for f in reversed(facts) if "begun" in f), left[0])
        if cause and begun not in rows:
            rows[begun] = _fail(begun, cause)
    ordered = [rows[name] for name in names]
    return found | {"passed": all(r["passed"] is not False for r in ordered), "rows": ordered}


def _fail(name: str, error: str) -> dict[str, Any]:
    return {"check": name, "passed": False, "error": error}


def _watch_worker(
    names: list[str], size: str, ends: float, hangs_s: float
) -> tuple[list[dict[str, Any]], str]:
    """What a worker told, and why it ended before its last check; empty where it did not."""
    with tempfile.NamedTemporaryFile("r", suffix=".jsonl") as lines:
        command = [sys.executable, str(WORKER), lines.name, "--worker"]
        worker = subprocess.Popen([*command, "--size", size, "--checks", *names])
        told, since, cause = 0, time.monotonic(), ""
        while worker.poll() is None:
            time.sleep(STEP_S)
            length = Path(lines.name).stat().st_size
            if length != told:
                told, since = length, time.monotonic()
            if time.monotonic() - since > hangs_s:
                cause = f"no result within {hangs_s:g} s"
            if time.monotonic() > ends:
                cause = "no result within the time for all"
            if cause:
                worker.kill()
                worker.wait()
        facts = [json.loads(line) for line in lines if line.endswith("\n")]
        return facts, cause or f"its process ended with {worker.returncode}"


def summarise(found: dict[str, Any]) -> str:
    """A line for each check."""
    lines = [f"{found.get('machine', 'nothing ran')}, torch {found.get('torch', '?')}"]
    for row in found["rows"]:
        word = {True: "same", False: "FAILED", None: "left out"}[row["passed"]]
        most = max(row.get("distances", {"": float("nan")}).values())
        told = row.get("error") or (
            f"{most:.1e} of {row['tolerance']:.0e}, {row['first_s']:.2f} s"
            f" ({row['reference']} {row.get('reference_s') or 0:.2f} s)"
            f", {row.get('peak_mib', 0):,} MiB"
        )
        lines.append(f"{word:9}{row['check']}: {told}")
    return "\n".join(lines)
