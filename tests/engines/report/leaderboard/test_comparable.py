"""What compares: evaluations among themselves, and with published scores."""

from pathlib import Path

import pytest
from support.evaluated import evaluation_in

from data.errors import UserError
from data.runs.evaluations import Summary
from data.store.storage import Store
from engines.report.leaderboard.comparable import (
    check_comparable,
    find_differences,
    group_comparable,
    list_switches,
    published_mismatches,
    unusual_switches,
)


@pytest.fixture
def made(tmp_path: Path):
    """Makes evaluations that differ as is said."""
    store = Store(str(tmp_path / "store"))
    count = iter(range(100))

    def make(**wanted) -> Summary:
        wanted = {"id": f"e{next(count):011d}", "clips": ("cat",)} | wanted
        return evaluation_in(store, tmp_path, **wanted)

    return make


SWITCHES = [
    {"num_frames": None}, {"num_frames": 8}, {"face_channel_order": "rgb"}, {"face_head": "main"},
    {"subject_scope": "subjects"}, {"clip_box": True}, {"flow_region": "unpadded"},
    {"clip_dtype": "fp32"}, {"crop": "long"}, {"remainder": "drop", "world_size": 8},
]  # fmt: skip


@pytest.mark.parametrize("changed", SWITCHES, ids=lambda each: next(iter(each)))
def test_each_switch_keeps_evaluations_apart_and_the_error_names_both_values(made, changed) -> None:
    one, other = made(), made(spec=changed)
    name = next(iter(changed))
    a, b = list_switches(one)[name], list_switches(other)[name]
    assert find_differences(one, other)[name] == (a, b)
    assert [len(lot) for lot in group_comparable([one, other, one])] == [2, 1]
    with pytest.raises(UserError) as said:
        check_comparable([one, other])
    text = str(said.value)
    assert f"{name}: {a} and {b}" in text
    assert f"--{name.replace('_', '-')} {a}" in text and "--group" in text
    assert one.evaluation in text and other.evaluation in text


def test_other_metrics_of_the_same_switches_compare(made) -> None:
    one, other = made(metrics=("temporal_consistency",)), made(metrics=("moving_shapes",))
    assert find_differences(one, other) == {}
    check_comparable([one, other])


def test_switches_without_effect_keep_nothing_apart(made) -> None:
    assert find_differences(made(), made(spec={"world_size": 8})) == {}
    other = {"model": "ViT-B-32", "precision": "fp32"}
    assert find_differences(made(), made(spec={"clip": other})) == {}
    with_clip = {"metrics": ("text_similarity",)}
    assert set(find_differences(made(**with_clip), made(**with_clip, spec={"clip": other}))) == {
        "clip"
    }


def test_other_weights_or_versions_of_what_both_measured_keep_them_apart(made) -> None:
    one, other = made(digests={"clip": "a" * 64}), made(digests={"clip": "b" * 64, "raft": "c"})
    assert find_differences(one, other) == {"weights of clip": ("a" * 12, "b" * 12)}
    with pytest.raises(UserError, match="evaluate videos again"):
        check_comparable([one, other])
    assert find_differences(one, made(digests={"raft": "d"})) == {}


def test_only_the_whole_benchmark_with_its_own_switches_compares_with_published(made) -> None:
    whole = {"videos": 1736}
    assert published_mismatches(made(**whole)) == []
    assert published_mismatches(made(**whole, spec={"remainder": "drop", "world_size": 8})) == []
    assert published_mismatches(made(mode="face", videos=1285)) == []
    for changed, said in (
        ({"benchmark": None}, "not evaluated as"),
        ({"spec": {"num_frames": None}}, "every frame"),
        ({"spec": {"clip_dtype": "fp32"}}, "clip_dtype is fp32, published fp16"),
        ({"spec": {"clip_box": True}}, "clip_box is yes, published no"),
        ({"videos": 1735}, "1,735 of the 1,736 clips"),
        (
            {"clips": ("cat", "dog"), "fails": {("Beta", "cat"): "broken"}},
            "1,735 of the 1,736 clips",
        ),
    ):
        (reason,) = published_mismatches(made(**whole | changed))
        assert said in reason


def test_what_is_not_as_published_is_named(made) -> None:
    assert unusual_switches(made()) == {}
    assert unusual_switches(made(spec={"num_frames": None, "crop": "long"})) == {
        "num_frames": "all", "crop": "long",
    }  # fmt: skip
