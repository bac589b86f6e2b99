from data.catalog.seen_ids import open_seen_ids


def test_the_first_line_of_an_id_is_remembered_across_calls() -> None:
    with open_seen_ids() as ids:
        assert ids.find_first_lines(["a", "b", "a"], [0, 1, 2]) == [0, 1, 0]
        assert ids.find_first_lines(["b", "c"], [3, 4]) == [1, 4]
        assert ids.find_first_lines(["a", "c", "d"], [5, 6, 7]) == [0, 4, 7]


def test_no_ids_is_no_lines() -> None:
    with open_seen_ids() as ids:
        assert ids.find_first_lines([], []) == []
