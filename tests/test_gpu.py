"""The checks of `tests/gpu` on the CPU, without what a bare machine lacks, and what they find."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from gpu.check import Check, LeftOut, measure_distance
from gpu.run import run_checks
from gpu.worker import list_checks, run_check
from support.paths import TESTS

# Not the trainings, which take as long as all the others together.
QUICK = ("embed", "metrics", "motion", "refine", "generate")

pytestmark = pytest.mark.timeout(1200)  # whatever else the machine does


def test_every_row_of_a_run_is_the_same_both_ways_or_says_why_not(tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    only = [part for family in QUICK for part in ("--only", family)]
    command = [sys.executable, str(TESTS / "gpu"), str(out), *only, "--limit", "3000"]
    done = subprocess.run(command, capture_output=True, text=True)
    found = json.loads(out.read_text())
    assert done.returncode == 0, done.stdout
    names = [f"{family}/{check.name}" for family in QUICK for check in list_checks(family)]
    assert [row["check"] for row in found["rows"]] == names
    for row in found["rows"]:
        assert row["passed"] is not False, row
        if row["passed"]:
            assert max(row["distances"].values()) <= row["tolerance"]
            assert row["first_s"] > 0 and row["shapes"].keys() == row["distances"].keys()
        else:
            assert row["error"]
    assert found["passed"] and found["torch"]


def test_a_check_that_fails_costs_no_other_and_is_a_row(tmp_path: Path) -> None:
    def make(load):
        return lambda folder, full: load

    def break_off(folder: Path, full: bool):
        raise LeftOut("no such package")

    numbers = iter(range(1, 99))
    cases = {
        "same": make(lambda: lambda: {"x": np.ones(3)}),
        "other": make(lambda: lambda: {"x": np.full(3, next(numbers))}),
        "raises": make(lambda: 1 / 0),
        "nan": make(lambda: lambda: {"x": np.array([np.nan])}),
        "left out": break_off,
    }
    rows = {
        name: run_check(Check(name, each), tmp_path / name, full=False, on_gpu=False)
        for name, each in cases.items()
    }
    assert {name: row["passed"] for name, row in rows.items()} == {
        "same": True, "other": False, "raises": False, "nan": False, "left out": None,
    }  # fmt: skip
    assert rows["other"]["distances"]["x"] > rows["other"]["tolerance"]
    assert "ZeroDivisionError" in rows["raises"]["error"] and "NaN" in rows["nan"]["error"]
    assert rows["left out"]["error"] == "no such package"


def test_a_worker_that_dies_is_followed_by_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own check is a row with the reason, and those after it run."""
    worker = tmp_path / "__main__.py"
    worker.write_text(DYING)
    monkeypatch.setattr("gpu.run.WORKER", worker)
    monkeypatch.setattr("gpu.run.list_checks", lambda _: [Check(n, lambda *_: None) for n in "abc"])
    found = run_checks(["f"], "tiny", 3000)
    assert [row["check"] for row in found["rows"]] == ["f/a", "f/b", "f/c"]
    assert [row["passed"] for row in found["rows"]] == [True, False, True]
    assert "ended with" in found["rows"][1]["error"] and not found["passed"]
    late = run_checks(["f"], "tiny", 0)
    assert not late["passed"] and len(late["rows"]) == 3


DYING = """
import json, os, sys
checks = sys.argv[sys.argv.index("--checks") + 1:]
with open(sys.argv[1], "a") as lines:
    for name in checks:
        print(json.dumps({"begun": name}), file=lines, flush=True)
        if name == "f/b":
            os._exit(7)
        print(json.dumps({"row": {"check": name, "passed": True}}), file=lines, flush=True)
"""


def test_distances_are_relative_and_faults_are_none() -> None:
    assert measure_distance(np.array([1.0, 2.0]), np.array([1.0, 2.0])) == 0
    assert measure_distance(np.array([3.03]), np.array([3.0])) == pytest.approx(0.01)
    for found, expected in (([np.inf], [1.0]), ([0.0], [0.0]), ([1.0, 2.0], [1.0])):
        with pytest.raises(ValueError):
            measure_distance(np.array(found), np.array(expected))
