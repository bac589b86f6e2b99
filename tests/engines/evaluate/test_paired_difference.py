import pytest

from engines.evaluate.paired_difference import PairedDifference, compare_conditions
from tasks.evaluate.conditions import Condition, build_experiment_spec, list_conditions


def row(condition: Condition, request: str, value: float, metric: str = "motion") -> dict:
    return {
        "condition": condition.name, "controller": condition.controller, "k": condition.k,
        "shuffled": condition.shuffled, "metric": metric, "request_id": request, "value": value,
    }  # fmt: skip


NONE, FIVE = Condition("c", 0), Condition("c", 5)


def by_condition(rows: list[dict]) -> dict[str, PairedDifference]:
    return {result.condition: result for result in compare_conditions(rows)}


def test_differences_are_between_videos_of_the_same_request() -> None:
    """Unpaired, the spread of the requests would hide that each of them gained."""
    rows = [row(NONE, str(n), n * 10.0) for n in range(20)]
    rows += [row(FIVE, str(n), n * 10.0 + 1) for n in reversed(range(20))]
    found = by_condition(rows)
    assert found["k=0"].difference == found["k=0"].low == found["k=0"].high == 0
    gained = found["c k=5"]
    assert (gained.n, gained.difference, gained.low, gained.high) == (20, 1, 1, 1)
    assert gained.mean == pytest.approx(96)


def test_a_request_that_failed_on_one_side_counts_on_neither() -> None:
    rows = [row(NONE, "a", 0), row(NONE, "b", 0), row(FIVE, "b", 1), row(FIVE, "c", 1)]
    assert by_condition(rows)["c k=5"].n == 1


def test_metrics_are_compared_each_by_itself() -> None:
    rows = [row(c, "a", v, m) for c, v in ((NONE, 0), (FIVE, 1)) for m in ("motion", "look")]
    assert {(r.metric, r.condition) for r in compare_conditions(rows)} == {
        ("motion", "k=0"), ("motion", "c k=5"), ("look", "k=0"), ("look", "c k=5")
    }  # fmt: skip


def test_every_controller_gets_each_number_of_clips_and_wrong_ones() -> None:
    names = [c.name for c in list_conditions(["/models/a", "reelflow-tiny-ragme"], 2)]
    assert names == [
        "k=0", "a k=1", "a k=2", "a shuffled", "ragme k=1", "ragme k=2", "ragme shuffled"
    ]  # fmt: skip


def test_conditions_differ_in_nothing_but_clips_and_controller() -> None:
    base = build_experiment_spec().generate
    specs = [c.build_spec(base) for c in list_conditions(["a", "b"], 2)]
    same = {"controller": None, "retrieve": base.retrieve, "shuffled": False}
    assert all(spec.model_copy(update=same) == base for spec in specs)
    assert [spec.shuffled for spec in specs].count(True) == 2
