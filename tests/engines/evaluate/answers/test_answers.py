import pytest

from data.runs.answers import Answer
from data.runs.questions import Question
from engines.evaluate.answers.accuracy import measure_accuracies
from engines.evaluate.answers.difference import compare_verdicts, compute_mcnemar
from engines.evaluate.answers.exports import export_answers
from engines.evaluate.answers.official import PARSERS
from engines.evaluate.answers.verdicts import judge_answers


def ask(id: str, gold: str | None = "B", video: str = "v", task: str = "t", **fields: str):
    options = ("w", "x", "y", "z")
    return Question(id, video, "Why?", options, gold, task_type=task, **fields)


def reply(id: str, letter: str | None, text: str | None = None, reason: str | None = None):
    return Answer(id, "v", answer=letter, reply=letter or "" if text is None else text,
                  reason=reason)  # type: ignore[arg-type]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "video_mme", "mlvu", "longvideobench"),
    [("B", "B", "B", "B"), ("(B)", "B", "(", "B"), ("B. text", "B", "B", "B"),
     ("The answer is B", "B", "T", "B"), ("Answer: B", "A", "A", "A"),
     ("The best option is: B", "B", "T", "B"), ("", None, None, None),
     ("none", None, "n", None), ("E", None, "E", "E"), ("because of it", None, "b", None)],
)  # fmt: skip
def test_official_parsers_read_as_published(text, video_mme, mlvu, longvideobench) -> None:
    read = {name: parse(text) for name, parse in PARSERS.items()}
    assert read == {"video-mme": video_mme, "mlvu": mlvu, "longvideobench": longvideobench}


def test_what_cannot_be_read_is_wrong_strictly_and_removed_officially() -> None:
    questions = [ask(str(n)) for n in range(5)]
    given = [reply("0", "B"), reply("1", "A"), reply("2", None, "dunno"),
             reply("3", None, "", "undecodable")]  # fmt: skip
    answers = {each.question: each for each in given}
    strict = measure_accuracies(judge_answers(questions, answers)).micro
    assert (strict.counted, strict.right, strict.unread, strict.removed) == (5, 1, 3, 0)
    official = measure_accuracies(judge_answers(questions, answers, "official")).micro
    assert (official.counted, official.right, official.removed) == (2, 1, 3)
    whys = [verdict.why for verdict in judge_answers(questions, answers)]
    assert whys == ["", "", "names no option", "undecodable", "not answered"]


def test_a_defective_question_is_wrong_and_one_without_a_known_answer_is_not_counted() -> None:
    questions = [ask("0", None, defect="an option is empty"), ask("1", None), ask("2")]
    answers = {id: reply(id, "B") for id in ("1", "2")}
    micro = measure_accuracies(judge_answers(questions, answers)).micro
    assert (micro.counted, micro.right, micro.removed) == (2, 1, 1)
    hidden = judge_answers([each for each in questions if each.gold is None], answers)
    assert not any(verdict.counted for verdict in hidden)  # a test set


def test_equal_options_are_equally_right_but_not_officially() -> None:
    question = Question("0", "v", "Why?", ("x", "y", "x", "z"), "A")
    answers = {"0": reply("0", "C")}
    assert judge_answers([question], answers)[0].right
    assert not judge_answers([question], answers, "official", "mlvu")[0].right


def test_longvideobench_guesses_the_same_in_every_run() -> None:
    questions = [ask(str(n)) for n in range(40)]
    twice = [judge_answers(questions, {}, "official", "longvideobench") for _ in range(2)]
    assert twice[0] == twice[1]
    assert 0 < sum(v.right for v in twice[0]) < 25 and all(v.counted for v in twice[0])


def test_micro_counts_questions_and_macro_task_types() -> None:
    questions = [ask(str(n), task="many" if n < 9 else "one", video=str(n)) for n in range(10)]
    answers = {str(n): reply(str(n), "B" if n < 9 else "A") for n in range(10)}
    found = measure_accuracies(judge_answers(questions, answers))
    assert (found.micro.share, found.macro) == (0.9, 0.5)
    assert found.micro.low is not None and found.micro.low < 0.9 < (found.micro.high or 0)
    assert [(g.name, g.share) for g in found.groups] == [("many", 1.0), ("one", 0.0)]


def test_the_interval_is_wilsons_and_wider_where_questions_share_a_video() -> None:
    def width(videos: int) -> float:
        questions = [ask(str(n), video=str(n % videos)) for n in range(2700)]
        # The questions of a video are alike: right for about 65 % of the videos.
        right = {str(n): reply(str(n), "B" if n % videos % 20 < 13 else "A") for n in range(2700)}
        micro = measure_accuracies(judge_answers(questions, right)).micro
        return ((micro.high or 0) - (micro.low or 0)) / 2

    assert width(2700) == pytest.approx(0.018, abs=0.0005)  # Video-MME's, at 65 %
    assert width(900) == pytest.approx(0.018 * 3**0.5, abs=0.001)


def test_paired_differences() -> None:
    questions = [ask(str(n), video=str(n)) for n in range(30)]
    none = judge_answers(
        questions, {str(n): reply(str(n), "B" if n < 8 else "A") for n in range(30)}
    )
    some = judge_answers(
        questions, {str(n): reply(str(n), "B" if n > 1 else "A") for n in range(30)}
    )
    found = compare_verdicts(some, none)
    assert found is not None and (found.gained, found.lost) == (22, 2)
    assert found.difference == pytest.approx(20 / 30) and (found.low or 0) > 0
    assert found.p < 0.001
    same = compare_verdicts(none, none)
    assert same is not None and (same.difference, same.p) == (0, 1)
    assert compare_verdicts(some, []) is None
    never, ever = (
        judge_answers(questions, {str(n): reply(str(n), right if n else "A") for n in range(30)})
        for right in "AB"
    )
    best = compare_verdicts(ever, never)
    assert best is not None and best.difference == pytest.approx(29 / 30) and best.high == 1


def test_mcnemar_is_the_exact_binomial_one() -> None:
    assert compute_mcnemar(5, 0) == pytest.approx(2 / 32)
    assert compute_mcnemar(0, 0) == compute_mcnemar(3, 3) == 1.0


def test_exports_are_the_published_files() -> None:
    rows = [{"video_id": "001", "questions": [{"question_id": "a", "response": ""},
                                              {"question_id": "b", "response": ""}]}]  # fmt: skip
    questions = [ask("a"), ask("b")]
    answers = {"a": reply("a", "B", "B. x")}
    filled = export_answers("video-mme", rows, questions, answers)
    assert [each["response"] for each in filled[0]["questions"]] == ["B. x", ""]
    assert rows[0]["questions"][0]["response"] == ""
    assert export_answers("mlvu", [], questions, answers) == [
        {"question_id": "a", "question_type": "t", "option": "B", "answer": "B"},
        {"question_id": "b", "question_type": "t", "option": "", "answer": "B"},
    ]
    [first, _] = export_answers("longvideobench", [], questions, answers)
    assert first == {"video": "v", "pred": "B", "gt": "B"}
    hidden = export_answers("longvideobench", [], [ask("a", None)], answers)
    assert hidden == [{"v": "B. x"}]
