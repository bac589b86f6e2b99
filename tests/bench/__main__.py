"""Measures this machine: `python tests/bench [--only NAME] [--quick]`.

`--gate` compares ratios alone with recorded ones, and ends with 1 where one became worse.
"""

import argparse
import importlib
import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[0] = str(ROOT / "tests")

SECTIONS = (
    "alone", "real", "shapes", "shots", "sampling", "setups",
    "orchestration", "memory", "thousand", "generate", "fvd",
    "evaluate", "backfill", "history", "nights", "filters", "tags", "moments", "refine",
    "browse", "startup", "duplicates", "texts", "index",
)  # fmt: skip
# Long, and so only where they are named.
LONG = ("growth", "ten_million", "exponents", "search", "duplicates_scale", "peers", "motion")


def main() -> None:
    asked = _arguments()
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    from bench import figures, host
    from bench.job import Job

    import flows  # noqa: F401  (no telemetry)

    out = ROOT / "bench-out"
    out.mkdir(exist_ok=True)
    machine, found = host.describe(), []
    print(f"machine: {', '.join(machine.values())}", flush=True)
    with tempfile.TemporaryDirectory(prefix="scratch-", dir=out) as scratch:
        job = Job(out, Path(scratch), asked.quick)
        if asked.gate:
            from bench.gate_run import run_gate

            sys.exit(run_gate(job, host.name(machine), asked.record))
        for name in asked.only or SECTIONS:
            for figure in importlib.import_module(f"bench.sections.{name}").measure(job):
                found.append(figure)
                print(figure.row(), flush=True)
                figures.write(out, machine, found)
    print(f"\n{figures.write(out, machine, found)}\nwritten to {out}/bench.json and bench.md")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument(
        "--only", choices=SECTIONS + LONG, action="append", help="this section alone"
    )
    parser.add_argument("--quick", action="store_true", help="small sizes, rough figures")
    parser.add_argument(
        "--gate", action="store_true", help="compare ratios with recorded ones: two minutes"
    )
    parser.add_argument(
        "--record", action="store_true", help="with --gate: record this machine's ratios instead"
    )
    asked = parser.parse_args()
    if asked.record and not asked.gate:
        parser.error("--record is of the gate's ratios: add --gate")
    return asked


if __name__ == "__main__":
    main()
