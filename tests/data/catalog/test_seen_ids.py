from data.catalog.seen_ids import seen


def test_the_first_line_of_an_id_is_remembered_across_calls() -> None:
    with seen() as ids:
        assert ids.first_lines(["a", "b", "a"], [0, 1, 2]) == [0, 1, 0]
        assert ids.first_lines(["b", "c"], [3, 4]) == [1, 4]
        assert ids.first_lines(["a", "c", "d"], [5, 6, 7]) == [0, 4, 7]


def test_no_ids_is_no_lines() -> None:
    with seen() as ids:
        assert ids.first_lines([], []) == []
