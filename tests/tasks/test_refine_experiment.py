"""Whether a refiner beats the temporal median, by intervals alone."""

import pytest

from data.errors import UserError
from data.runs.distances import Clip
from data.specs.refine import PassMeasure, RefineSpec
from data.workspace import Workspace
from engines.refine.figures import PassFigure, compare_passes
from tasks.refine.experiment import describe_verdicts, plan_refiners
from tasks.refine.pass_clips import choose_real, find_class, keep_common


def figure(refiner: str, number: int, low: float, high: float) -> PassFigure:
    middle = (low + high) / 2
    return PassFigure(number, "fd", refiner, "lower", 64, 5.0, middle, low, high)


def test_a_verdict_needs_an_interval_without_zero() -> None:
    figures = [
        figure("temporal_median", 1, 0, 0),
        figure("a", 1, -2, -1), figure("a", 2, -1, 1),
        figure("b", 1, -1, 1), figure("b", 2, 1, 2),
        figure("c", 1, 1, 2), figure("c", 2, 1, 2),
    ]  # fmt: skip
    a, b, c = describe_verdicts(figures)
    assert a.startswith("a beats") and a.endswith("at pass 1")
    assert b.startswith("b does not beat") and c.startswith("c is worse")


def test_the_median_is_always_among_the_refiners_and_options_are_of_one() -> None:
    spec = RefineSpec(refiner="bilateral", options={"colour": 0.2})
    planned = plan_refiners(spec, ["bilateral", "identity"])
    assert list(planned) == ["bilateral", "identity", "temporal_median"]
    assert planned["bilateral"].options and not planned["identity"].options
    with pytest.raises(UserError, match="temporal_median"):
        plan_refiners(spec, ["temporal_median"])
    with pytest.raises(UserError, match="nobody"):  # before the first has refined anything
        plan_refiners(spec, ["identity", "nobody"])


def test_differences_are_of_the_same_clips() -> None:
    """Clips that one pass lacks are in no difference: means of other clips would shift it."""
    first = {f"c{n}": float(n) for n in range(10)} | {"only": 1000.0}
    later = {f"c{n}": n + 0.5 for n in range(10)} | {"none": None}
    zero, one = compare_passes("x", "x", None, {0: first, 1: later})
    assert zero.difference is None and (zero.n, one.n) == (11, 10)
    assert one.difference == one.low == one.high == 0.5
    (few,) = compare_passes("x", "x", None, {1: {"a": 1.0}})
    assert few.difference is None


def test_a_video_that_one_refiner_failed_on_is_paired_with_no_other() -> None:
    def passes(refiner: str, names: str) -> dict[int, tuple[Clip, ...]]:
        return {
            number: tuple(Clip(name, "", f"{refiner}{number}{name}", 25.0, 0) for name in names)
            for number in (0, 1)
        }

    one, other = passes("one", "abcd"), passes("other", "bcd")
    measured = {c.id for each in (one, other) for group in each.values() for c in group}
    kept = keep_common(measured - {"other1c@0"}, one, other)
    assert [[c.name for c in clips] for each in kept for clips in each.values()] == [["b", "d"]] * 4


def test_classes_are_those_of_ucf_101() -> None:
    assert find_class("v_PoleVault_g08_c01") == "PoleVault"
    assert find_class("YoYo/v_YoYo_g01_c02.avi") == "YoYo"
    assert find_class("video_1") is None


def test_too_few_refined_videos_are_not_blamed_on_the_real_ones(workspace: Workspace) -> None:
    with pytest.raises(UserError, match="1 of the refined videos"):
        choose_real(workspace, "real", PassMeasure().distance, 1)


@pytest.mark.parametrize("refiners", [["unet", "bilateral"], ["identity", "unet"]])
def test_weights_that_are_of_none_of_the_refiners_are_refused(refiners: list[str]) -> None:
    with pytest.raises(UserError, match=r"--refiner"):
        plan_refiners(RefineSpec(weights="/weights/mine"), refiners)
