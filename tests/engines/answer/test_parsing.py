"""The strict parser of replies, and the plain table of questions."""

import pytest

from engines.answer.parsing import parse_letter
from engines.answer.plugins import read_questions

OPTIONS = ("a red car", "a blue car", "two dogs", "none of them")


@pytest.mark.parametrize(
    ("reply", "letter"),
    [
        ("B", "B"), ("(B)", "B"), ("[B]", "B"), ("B. a blue car", "B"), ("**B**", "B"),
        ("B) it is blue", "B"), ("The answer is B", "B"), ("Answer: B", "B"), ("answer B.", "B"),
        ("The best answer is (C), I think", "C"), ("Option D", "D"), ("Two dogs.", "C"),
        ("I see two dogs there", "C"), ("", None), ("None", None), ("E", None), ("b", None),
        ("A cat sits there", None), ("The answer is A or B: option A, option B", None),
        ("I don't know", None), ("a red car and a blue car", None), ("B\nbecause", "B"),
        ("A or B", None), ("The answer is A or B", None), ("B, C", None),
    ],
)  # fmt: skip
def test_a_letter_is_read_only_where_one_is_meant(reply: str, letter: str | None) -> None:
    assert parse_letter(reply, OPTIONS) == letter


def test_a_row_of_a_table_is_a_question_or_says_what_it_lacks() -> None:
    rows = [
        {"id": "1", "video": "v", "question": "what?", "options": ["x", "y"], "answer": "y"},
        {"id": "1", "video": "v", "question": "what?", "A": "x", "B": "y", "answer": "a"},
        {"video": "v", "question": None},
        {"id": "4", "video": "v", "question": "what?", "options": ["x", "y"], "answer": "z"},
        {"id": "5", "video": "v", "question": "why?", "answer": "because"},
        {"id": "6", "video": "v", "question": "what?", "options": [str(n) for n in range(5000)]},
    ]
    first, second, third, fourth, free, many = read_questions("table", rows)
    assert (first.options, first.gold, first.defect) == (("x", "y"), "B", "")
    assert (second.id, second.options, second.gold) == ("1#2", ("x", "y"), "A")
    assert second.note and not first.note
    assert third.id == "row-3" and "text" in third.defect
    assert "'z'" in fourth.defect
    assert (free.gold, free.options, free.defect) == ("because", (), "")
    assert "5,000 options" in many.defect


@pytest.mark.parametrize("ids", [["x", "x", "x#2"], ["x#2", "x", "x"], ["row-2", None, None]])
def test_no_two_questions_share_an_id(ids) -> None:
    asked = [{"id": id, "video": "v", "question": "what?"} for id in ids]
    assert len({question.id for question in read_questions("table", asked)}) == 3
