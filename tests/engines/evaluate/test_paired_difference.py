import numpy as np
import pytest

from engines.evaluate.paired_difference import PairedDifference, compare_conditions
from tasks.evaluate.conditions import Condition, build_experiment_spec, list_conditions


def row(condition: Condition, request: str, value: float, metric: str = "motion") -> dict:
    return {
        "condition": condition.name, "controller": condition.controller, "k": condition.k,
        "shuffled": condition.shuffled, "metric": metric, "request_id": request,
        "prompt_id": request.partition("-")[0], "value": value,
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


def sampled(prompts: int, samples: int, seed: int) -> list[dict]:
    """Videos without an effect: under either condition a prompt's samples are alike."""
    rng = np.random.default_rng(seed)
    return [
        row(condition, f"{prompt}-{sample}", value)
        for condition in (NONE, FIVE)
        for prompt in range(prompts)
        for of_prompt in [rng.normal()]
        for sample, value in enumerate(of_prompt + rng.normal(0, 0.3, samples))
    ]


def test_samples_of_a_prompt_are_one_observation() -> None:
    """Resampled by video, intervals without an effect excluded zero in 37 % of trials."""
    found = [by_condition(sampled(12, 4, seed))["c k=5"] for seed in range(1000)]
    assert {(each.n, each.prompts) for each in found} == {(48, 12)}
    assert 0.93 <= np.mean([each.low <= 0 <= each.high for each in found]) <= 0.97


def test_fewer_than_eight_prompts_have_a_difference_without_an_interval() -> None:
    few, enough = (by_condition(sampled(n, 4, 1))["c k=5"] for n in (7, 8))
    assert (few.prompts, few.low, few.high) == (7, None, None)
    assert enough.low < enough.difference < enough.high


def test_each_prompt_counts_by_the_mean_of_its_samples() -> None:
    rows = [row(c, f"{id}-{s}", v) for c, v in ((NONE, 0), (FIVE, 1)) for id in "a" for s in "012"]
    rows += [row(NONE, "b-0", 0), row(FIVE, "b-0", 0)]
    found = by_condition(rows)["c k=5"]
    assert (found.n, found.prompts, found.mean, found.difference) == (4, 2, 0.5, 0.5)


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


def test_controllers_of_one_folder_name_are_conditions_of_their_own() -> None:
    names = [c.name for c in list_conditions(["/m/one/final", "/m/two/final", "/m/c"], 1)]
    assert names == [
        "k=0", "one/final k=1", "one/final shuffled", "two/final k=1", "two/final shuffled",
        "m/c k=1", "m/c shuffled",
    ]  # fmt: skip
    same = [c.name for c in list_conditions(["/m/a", "/m/a"], 1)]
    assert same == ["k=0", "a k=1", "a shuffled"]
    bundled = list_conditions(["/x/reelflow-tiny-a", "a"], 1)
    assert len({condition.name for condition in bundled}) == 5


def test_conditions_differ_in_nothing_but_clips_and_controller() -> None:
    base = build_experiment_spec().generate
    specs = [c.build_spec(base) for c in list_conditions(["a", "b"], 2)]
    same = {"controller": None, "retrieve": base.retrieve, "shuffled": False}
    assert all(spec.model_copy(update=same) == base for spec in specs)
    assert [spec.shuffled for spec in specs].count(True) == 2


def test_a_metric_without_a_value_at_k_0_has_no_difference() -> None:
    assert compare_conditions([row(NONE, "a", 0) | {"value": None}, row(FIVE, "a", 1)]) == []
    assert set(by_condition([row(NONE, "a", 0), row(FIVE, "b", 1)])) == {"k=0"}
