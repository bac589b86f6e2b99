import pytest

from engines.annotate.scene_graph import (
    Found,
    describe_scene,
    find_relations,
    keep_best,
    measure_iou,
)

CAT, DOG = Found("cat", 0.9, (0, 0, 100, 100)), Found("dog", 0.8, (200, 300, 400, 500))


def test_a_pair_has_all_of_its_relations() -> None:
    assert find_relations(CAT.box, DOG.box) == ["is left of", "is above"]
    assert find_relations(DOG.box, CAT.box) == ["is right of", "is below"]


@pytest.mark.parametrize(
    ("other", "relations"),
    [((100, 0, 200, 100), []), ((10, 10, 20, 20), ["overlaps"]), ((50, 50, 150, 150), ["overlaps"]),
     ((0, 101, 100, 200), ["is above"])],
)  # fmt: skip
def test_touching_is_no_relation_and_containing_is_an_overlap(other, relations) -> None:
    assert find_relations((0, 0, 100, 100), other) == relations


@pytest.mark.parametrize(
    ("parts", "lines"), [((), 0), (("location",), 2), (("relation",), 2), (("number",), 1),
                         (("location", "relation", "number"), 5)]
)  # fmt: skip
def test_only_what_is_asked_for_is_said(parts, lines) -> None:
    assert len([x for x in describe_scene([CAT, DOG], parts).splitlines() if x]) == lines


def test_nothing_seen_is_nothing_said_and_one_object_has_no_relation() -> None:
    assert describe_scene([]) == ""
    assert describe_scene([CAT], ["relation"]) == ""
    assert "2 x cat, 1 x dog" in describe_scene([CAT, CAT, DOG], ["number"])


def test_equal_relations_are_one_sentence() -> None:
    balloons = [Found("balloon", 0.9, (n * 10, 0, n * 10 + 5, 5)) for n in range(3)]
    table = Found("table", 0.9, (0, 900, 999, 999))
    assert "balloon is above table (3 pairs)" in describe_scene([*balloons, table], ["relation"])


def test_the_surest_are_kept_and_nothing_twice() -> None:
    near = Found("cat", 0.7, (0, 0, 100, 90))
    assert keep_best([near, DOG, CAT], 0.5, 20, 50) == [CAT, DOG]
    assert keep_best([Found("dog", 0.7, CAT.box), CAT], 0.5, 20, 50)[1].label == "dog"
    many = [Found("cat", 0.5, (n * 20, 0, n * 20 + 10, 10)) for n in range(40)]
    assert len(keep_best(many, 0.5, 20, 50)) == 20 and len(keep_best(many, 0.5, 99, 7)) == 7
    assert measure_iou((0, 0, 0, 0), (0, 0, 0, 0)) == 0.0
