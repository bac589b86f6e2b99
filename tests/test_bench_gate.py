"""The gate of `python tests/bench --gate`, fed with figures instead of measured ones."""

import json
import math
from pathlib import Path

import pytest
from bench import gate, gate_run, ratios
from bench.gate import Recorded, compare, read_recorded, report, write_recorded
from bench.pairs import Pairs, measure_pairs
from bench.sections import exponents

RECORD = {"decode": Recorded(2.0, 0.25), "search": Recorded(1.0, 0.2)}


@pytest.mark.parametrize(
    ("decode", "fails"), [(2.0, False), (2.5, False), (2.51, True), (1.0, False), (math.nan, True)]
)
def test_ratio_fails_beyond_its_band_alone(decode: float, fails: bool) -> None:
    lines = compare({"decode": decode, "search": 1.1}, RECORD)
    assert [line.fails for line in lines] == [fails, False]
    assert ("SLOWER" in lines[0].row()) == fails


def test_faster_ratio_passes_and_asks_to_be_recorded() -> None:
    [line, _] = compare({"decode": 1.4, "search": 1.0}, RECORD)
    assert not line.fails and "record" in line.verdict


def test_missing_ratio_fails_and_new_one_is_named() -> None:
    lines = {line.name: line for line in compare({"decode": 2.0, "start": 9.0}, RECORD)}
    assert lines["search"].fails and "MISSING" in lines["search"].row()
    assert not lines["start"].fails and "new" in lines["start"].row()
    assert "search" in list(report(list(lines.values())))[-1]


def test_record_is_read_as_written(tmp_path: Path) -> None:
    file = tmp_path / "recorded.json"
    noisy = Pairs((1.0, 2.0, 3.0, 9.0), (1.0, 1.0, 1.0, 1.0))
    steady = Pairs((2.0, 2.0), (1.0, 1.0))
    write_recorded({"noisy": noisy, "steady": steady}, "two cores", "2026-01-01", file)
    recorded, machine = read_recorded(file)
    assert recorded == {"noisy": Recorded(2.5, 0.5), "steady": Recorded(2.0, 0.2)}
    assert "two cores" in machine and "2026-01-01" in machine
    assert read_recorded(tmp_path / "none.json") == ({}, "")


def test_pairs_take_turns_and_their_median() -> None:
    order: list[str] = []
    seconds = iter([2.0, 1.0, 4.0, 8.0, 9.0, 3.0])

    def spend(call) -> float:
        call()
        return next(seconds)

    pairs = measure_pairs(lambda: order.append("ours"), lambda: order.append("bare"), 3, spend)
    assert order == ["ours", "bare", "bare", "ours", "ours", "bare"]
    assert pairs == Pairs((2.0, 8.0, 9.0), (1.0, 4.0, 3.0)) and pairs.ratio == 2.0


class _Feed:
    """A ratio that is fed: what it gives each time that it is measured."""

    def __init__(self, *values: float) -> None:
        self.values, self.measured = list(values), 0

    def __call__(self, job: object) -> Pairs:
        self.measured += 1
        return Pairs((self.values[min(self.measured, len(self.values)) - 1],), (1.0,))


@pytest.mark.parametrize(
    ("fed", "status", "measured"),
    [((2.1,), 0, 1), ((3.0, 1.0), 0, 2), ((3.0, 3.0), 1, 2)],
)
def test_exit_status_and_second_measurement(
    fed: tuple[float, ...], status: int, measured: int, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """A ratio beyond its band is measured once more before it fails."""
    file, decode = tmp_path / "recorded.json", _Feed(*fed)
    write_recorded({"decode": Pairs((2.0,), (1.0,))}, "a machine", "a day", file)
    monkeypatch.setattr(gate, "FILE", file)
    monkeypatch.setattr(ratios, "RATIOS", {"decode": decode})
    assert gate_run.run_gate(None, "this machine", record=False) == status  # type: ignore[arg-type]
    assert decode.measured == measured
    assert "| decode |" in capsys.readouterr().out


def test_record_replaces_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "recorded.json"
    monkeypatch.setattr(gate, "FILE", file)
    monkeypatch.setattr(ratios, "RATIOS", {"new": _Feed(1.5)})
    assert gate_run.run_gate(None, "this machine", record=True) == 0  # type: ignore[arg-type]
    assert json.loads(file.read_text())["ratios"] == {"new": {"ratio": 1.5, "band": 0.2}}


def test_what_is_recorded_is_measured() -> None:
    """And the other way round: what else is in the record would fail every gate as missing."""
    recorded, machine = read_recorded()
    assert recorded and machine and set(recorded) == set(ratios.RATIOS)
    assert all(each.ratio > 0 and 0 < each.band <= gate.MOST_BAND for each in recorded.values())


def test_exponent_is_the_slope_of_logarithms() -> None:
    sizes = (200, 2_000, 20_000)
    assert exponents.fit_exponent(sizes, [0.5 * n**1.5 for n in sizes]) == pytest.approx(1.5)
    assert exponents.fit_exponent(sizes, [3.0, 3.0, 3.0]) == pytest.approx(0.0)
