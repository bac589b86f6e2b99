"""Compares every engine that computes, on a GPU and on the CPU: `python tests/gpu OUT.json`.

On a bare machine: a Python with torch and the packages that models are loaded with, without
Prefect, Ray or Faiss, which are refused. Without a GPU, a CPU's kernels are compared with plain
ones.
"""

import argparse
import json
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[0] = str(ROOT / "tests")
sys.path.insert(0, str(ROOT))

FAMILIES = ("embed", "metrics", "distance", "texts", "refine", "motion", "train", "generate")


def main() -> int:
    asked = _arguments()
    if asked.worker:
        from gpu.worker import work

        work(asked.checks, asked.size, Path(asked.out))
        return 0
    from gpu.run import run_checks, summarise

    families = asked.only or list(FAMILIES)
    started = time.monotonic()
    found = run_checks(families, asked.size, asked.limit)
    found |= {"seconds": round(time.monotonic() - started, 1)}
    Path(asked.out).write_text(json.dumps(found, indent=1) + "\n")
    print(summarise(found))
    return 0 if found["passed"] else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="gpu", description=__doc__)
    parser.add_argument("out", help="file of results, JSON")
    parser.add_argument("--only", choices=FAMILIES, action="append", help="this family alone")
    parser.add_argument(
        "--size", choices=("auto", "tiny", "full"), default="auto",
        help="of networks; auto: as published on a GPU, and tiny without one",
    )  # fmt: skip
    parser.add_argument(
        "--limit", type=float, default=470.0, help="seconds for all; what is left has not passed"
    )
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--checks", nargs="*", default=[], help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
