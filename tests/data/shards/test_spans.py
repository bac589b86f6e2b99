from data.shards.spans import drop_covered, find_covered, is_pack, pack_name


def test_a_pack_is_named_by_both_ends_whatever_it_is_made_of() -> None:
    assert pack_name("000003", "000017") == "000003-to-000017"
    assert pack_name("v/000001-to-000009.parquet", "v/000012-000003.parquet") == "000001-to-000012"
    assert is_pack("v/000001-to-000009.parquet")
    assert not is_pack("v/000001-000009.parquet")


def test_what_a_pack_stands_for_is_not_seen_beside_it() -> None:
    names = ["000000", "000001", "000001-to-000003", "000002", "000003", "000004"]
    assert drop_covered(names) == ["000000", "000001-to-000003", "000004"]
    assert dict(find_covered(names)) == dict.fromkeys(names[1:2] + names[3:5], "000001-to-000003")


def test_a_pack_within_a_pack_is_not_seen_either() -> None:
    names = ["000000-to-000003", "000000-to-000009", "000002", "000007", "000010"]
    assert drop_covered(names) == ["000000-to-000009", "000010"]


def test_all_parts_of_an_ingest_are_in_the_pack_that_ends_with_it() -> None:
    names = ["000001-000000", "000001-000001", "000001-to-000001", "000002-000000"]
    assert drop_covered(names) == ["000001-to-000001", "000002-000000"]


def test_other_names_are_left_alone() -> None:
    assert drop_covered(["b", "000001-to-000002", "a-000001", "000001-done"]) == [
        "b", "000001-to-000002", "a-000001", "000001-done"
    ]  # fmt: skip
