"""Readers of benchmarks' files, on made files of the published shapes, with their known defects."""

import random
from collections import Counter

import pytest

from data.runs.questions import Question
from engines.answer.plugins import read_questions
from engines.tiny.talking.corpus import plan_films
from engines.tiny.talking.questions import build_entry

TASKS = {
    "Object Reasoning": 454, "Object Recognition": 354, "Information Synopsis": 323,
    "Action Recognition": 313, "Action Reasoning": 285, "Counting Problem": 268,
    "Attribute Perception": 222, "Temporal Reasoning": 177, "OCR Problems": 139,
    "Spatial Reasoning": 56, "Temporal Perception": 55, "Spatial Perception": 54,
}  # fmt: skip
ANSWERS = {"A": 677, "B": 735, "C": 684, "D": 604}
MLVU = {
    "plotQA": 539, "findNeedle": 355, "ego": 352, "topic_reasoning": 264, "order": 259,
    "count": 206, "anomaly_reco": 200,
}  # fmt: skip


def video_mme() -> list[dict[str, object]]:
    """900 videos of three questions, with the published counts."""
    types, golds = ([*Counter(each).elements()] for each in (TASKS, ANSWERS))
    random.Random(0).shuffle(golds)
    made = [
        {"question_id": f"{n // 3 + 1:03d}-{n % 3 + 1}", "task_type": types[n], "question": "Why?",
         "options": ["A. Apples.", "B. Pears.", "C. It is B. or not.", "D. None."],
         "answer": golds[n], "response": ""}
        for n in range(2700)
    ]  # fmt: skip
    return [
        {"video_id": f"{n + 1:03d}", "duration": ("short", "medium", "long")[n // 300],
         "domain": f"domain {n % 6}", "sub_category": f"sub {n % 30}",
         "url": f"https://www.youtube.com/watch?v=id-{n:08d}", "questions": made[3 * n : 3 * n + 3]}
        for n in range(900)
    ]  # fmt: skip


def mlvu() -> list[dict[str, object]]:
    """2175 rows of 1122 videos: four ids of two questions each, sixteen with an option twice."""
    rows = []
    for n, kind in enumerate(Counter(MLVU).elements()):
        video = 0 if n < 8 else n % 1121 + 1
        question = f"question {n // 2 if n < 8 else n}?"
        options = [f"a {n}", f"b {n}", f"c {n}", f"d {n}"]
        if 100 <= n < 116:
            options[3] = options[0 if n < 106 else 1]
        rows.append({"video": f"v_{video}.mp4", "duration": 180.5, "question": question,
                     "candidates": options, "answer": options[0],
                     "question_type": kind})  # fmt: skip
    return rows


def test_video_mme_has_its_published_counts() -> None:
    questions = read_questions("video-mme", video_mme())
    assert (len(questions), len({q.video for q in questions})) == (2700, 900)
    assert Counter(q.task_type for q in questions) == TASKS
    assert Counter(q.gold for q in questions) == ANSWERS
    assert Counter(q.duration_group for q in questions) == {
        "short": 900, "medium": 900, "long": 900,
    }  # fmt: skip
    assert len({q.domain for q in questions}) == 6 and len({q.sub_domain for q in questions}) == 30
    first = questions[0]
    assert (first.id, first.video) == ("001-1", "id-00000000")
    assert first.options == ("Apples.", "Pears.", "It is B. or not.", "None.")
    assert not any(q.defect or q.note for q in questions)


def test_video_mme_as_parquet_and_in_its_older_form() -> None:
    flat = {"question_id": "7-1", "question": "Why?", "answer": "b"}
    new = {
        **flat,
        "videoID": "abc",
        "duration": "short",
        "domain": "D",
        "options": ["A. x", "B. y"],
    }
    old = {**flat, "url": "https://youtu.be/abc", "duration_category": "short",
           "video_category": "D", "choices": ["A. x", "B. y"]}  # fmt: skip
    expected = Question("7-1", "abc", "Why?", ("x", "y"), "B", "D", duration_group="short")
    assert read_questions("video-mme", [new]) == read_questions("video-mme", [old]) == [expected]


def test_mlvu_keeps_what_its_script_skips_and_says_where_an_option_is_twice() -> None:
    questions = read_questions("mlvu", mlvu())
    assert (len(questions), len({q.video for q in questions})) == (2175, 1122)
    assert Counter(q.task_type for q in questions) == MLVU
    assert len({q.id for q in questions}) == 2175
    assert sum("another question is named" in q.note for q in questions) == 4
    assert sum("twice" in q.note or "same right option" in q.note for q in questions) == 16
    assert sum("same right option" in q.note for q in questions) == 6


def test_longvideobench_validation_and_test() -> None:
    row = {"id": "x_0", "video_id": "x", "video_path": "x.mp4", "question": "Why?",
           "candidates": ["a", "b"], "correct_choice": 1, "duration_group": 3600,
           "question_category": "TOS", "topic_category": "NP-News Programs"}  # fmt: skip
    [known] = read_questions("longvideobench", [row])
    assert (known.gold, known.task_type, known.duration_group) == ("B", "TOS", "3600")
    for hidden in (
        {**row, "correct_choice": -1},
        {k: v for k, v in row.items() if "choice" not in k},
    ):
        [asked] = read_questions("longvideobench", [hidden])
        assert (asked.gold, asked.defect) == (None, "")
    columns = {"option0": "a", "option1": "b", "option2": "N/A", "candidates": None}
    assert read_questions("longvideobench", [row | columns]) == [known]


@pytest.mark.parametrize("layout", ["video-mme", "mlvu", "longvideobench"])
@pytest.mark.parametrize(
    "broken",
    [{}, {"question": None, "video": 3, "url": 3, "video_path": 3}, {"questions": [7]},
     {"question": "Why?", "video": "v", "url": "v", "video_path": "v", "answer": "Z",
      "correct_choice": "two", "options": "x", "candidates": 5}],
)  # fmt: skip
def test_one_broken_row_does_not_cost_the_others(layout: str, broken: dict[str, object]) -> None:
    good = {"question": "Why?", "video": "v", "url": "v", "video_path": "v", "answer": "B",
            "options": ["a", "B"], "candidates": ["a", "B"], "correct_choice": 1}  # fmt: skip
    bad, fine = read_questions(layout, [broken, good])
    assert bad.defect and not fine.defect and fine.gold == "B"


def test_talking_shapes_are_in_video_mmes_own_format() -> None:
    films = plan_films({"short": 3, "medium": 1, "long": 1}, seed=0)
    entries = [build_entry(0, n, film) for n, film in enumerate(films)]
    questions = read_questions("video-mme", entries)
    assert len(questions) == 30 and not any(q.defect or q.note for q in questions)
    assert {q.duration_group for q in questions} == {"short", "medium", "long"}
    assert len({q.task_type for q in questions}) == 6
    mute = read_questions("video-mme", [build_entry(0, 0, films[0], voice=False)])
    assert len(mute) == 4 and not any("speaker" in q.text for q in mute)
