"""Which runs of answers are ranked beside published accuracies, and why others are not."""

from dataclasses import replace

import pytest

from data.errors import UserError
from data.runs.answers import Answer
from data.runs.published import QUESTION_COUNTS
from data.runs.questions import Question
from data.specs.answer import AnswerSpec
from engines.evaluate.answers.accuracy import measure_accuracies
from engines.evaluate.answers.verdicts import judge_answers
from engines.report.leaderboard.answers import AnsweredRun, build_answers_board
from engines.report.leaderboard.text import to_data, to_markdown

LONG = ("short", "medium", "long")
FOUND = {"speech": "a", "screen": "b"}


def answered(questions: int = 2700, name: str = "ours", **fields) -> AnsweredRun:
    """A run that is right about every other question."""
    asked = [
        Question(str(n), f"v{n // 3}", "?", ("x", "y"), "A", duration_group=LONG[n // 3 % 3])
        for n in range(questions)
    ]
    given = {q.id: Answer(q.id, q.video, answer="AB"[n % 2]) for n, q in enumerate(asked)}
    spec = AnswerSpec(**fields)
    record = {
        "run": name, "model": spec.model, "spec": spec.model_dump(), "texts": FOUND,
        "videos": questions // 3, "failed": {"timeout": 2},
    }  # fmt: skip
    return AnsweredRun(record, measure_accuracies(judge_answers(asked, given)), str(questions))


@pytest.fixture(scope="module")
def plain() -> AnsweredRun:
    return answered(model="fake", name="plain")


def again(run: AnsweredRun, **fields) -> AnsweredRun:
    """The same answers, made another way."""
    spec = run.record["spec"] | fields
    return replace(run, record={**run.record, "spec": spec})


def own(*runs: AnsweredRun, mode: str = "video-mme"):
    board = build_answers_board(mode, runs)
    return [t for t in board.tables if any(e.evaluation for e in t.entries)]


def test_the_whole_benchmark_is_ranked_with_the_same_frames_and_texts(plain) -> None:
    [table] = own(again(plain, texts="none"))
    names = [entry.method for entry in table.entries]
    assert names[:2] == ["LLaVA-Video 72B", "Qwen2-VL 72B"] and "fake" in names
    assert {entry.frames for entry in table.entries} == {32}
    assert [c.label for c in table.columns][:4] == ["overall", "short", "medium", "long"]
    mine = next(entry for entry in table.entries if entry.evaluation)
    assert mine.cell("overall").value == 0.5 and mine.cell("long").low is not None
    assert any("2 questions failed" in note for note in table.notes)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"texts": "none", "frames": 30}, "30 frames"),
        ({"texts": "none", "sampling": "keyframe"}, "32 by keyframe"),
        ({"texts": "shuffled"}, "shuffled: screen, speech"),
        ({"texts": "retrieved"}, "best retrieved"),
        ({"texts": "retrieved", "rule": "published"}, "both 32 frames"),
    ],
)
def test_other_frames_or_texts_are_listed_apart_with_the_reason(plain, fields, why) -> None:
    [table] = own(again(plain, **fields))
    assert [entry.method for entry in table.entries] == ["fake"]
    assert why in next(note for note in table.notes if "Not ranked" in note)


def test_a_part_of_the_questions_is_not_the_benchmark() -> None:
    [table] = own(answered(30, texts="none"))
    assert [entry.evaluation for entry in table.entries] == ["ours"]
    assert any("30 questions" in note and "2,700" in note for note in table.notes)


def test_texts_that_were_asked_for_and_not_there_are_none(plain) -> None:
    bare = replace(plain, record={**plain.record, "texts": {}})
    [table] = own(bare)
    assert any(entry.evaluation is None for entry in table.entries)


def test_runs_of_other_texts_or_questions_are_never_in_one_table(plain) -> None:
    runs = [plain, again(plain, texts="none"), again(plain, frames=8), answered(30)]
    tables = own(*runs)
    assert [sum(bool(e.evaluation) for e in t.entries) for t in tables] == [1, 1, 1, 1]
    [both] = own(plain, replace(plain, record={**plain.record, "run": "second"}))
    assert len(both.entries) == 2


@pytest.mark.parametrize("mode", QUESTION_COUNTS)
def test_published_scores_stand_alone_each_setting_in_its_own_table(mode: str) -> None:
    board = build_answers_board(mode, ())
    assert all(len({e.frames for e in table.entries}) == 1 for table in board.tables)
    text = to_markdown(to_data(board))
    assert "published" in text and "LLaVA-Video 7B" in text
    with pytest.raises(UserError, match="overall"):
        build_answers_board(mode, (), "nonsense")
