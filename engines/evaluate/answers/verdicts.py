"""Right or wrong: each answer beside its question, strictly or as a benchmark's own script does."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from data.runs.answers import Answer
from data.runs.questions import Question
from engines.evaluate.answers.official import PARSERS, guess_letter

ParserName = Literal["strict", "official"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """A question, the letter that was given, and whether it is right.

    `why` says why there is no letter. Not `counted` questions are in no denominator: those whose
    right option is not known and, officially, those whose reply could not be read.
    """

    question: Question
    given: str | None
    right: bool
    why: str = ""
    counted: bool = True


def judge_answers(
    questions: Iterable[Question], answers: Mapping[str, Answer], parser: ParserName = "strict",
    layout: str = "video-mme",
) -> list[Verdict]:  # fmt: skip
    """A verdict for each question, by id. Strictly, all that is no right letter is wrong.

    Failed and missing answers, defective questions and replies that name no option all count.
    """
    listed = list(questions)
    if parser == "official":
        return [_judge_officially(each, answers.get(each.id), layout) for each in listed]
    # Of a test set, whose right options nobody knows, nothing counts.
    has_gold = any(map(_is_known, listed))
    return [_judge_strictly(each, answers.get(each.id), has_gold) for each in listed]


def _is_known(question: Question) -> bool:
    return bool(question.gold and question.options)


def _judge_strictly(question: Question, answer: Answer | None, has_gold: bool) -> Verdict:
    known = _is_known(question)
    given = answer.answer if answer else None
    if given is None:
        # A question that cannot be asked is wrong, not left out.
        counted = known or (bool(question.defect) and has_gold)
        return Verdict(question, None, False, _explain(question, answer), counted)
    return Verdict(question, given, known and _is_right(question, given), counted=known)


def _judge_officially(question: Question, answer: Answer | None, layout: str) -> Verdict:
    known = _is_known(question)
    reply = answer.reply if answer and not answer.reason else ""
    given = PARSERS[layout](reply)
    why = "" if given else _explain(question, answer)
    if given is None and layout == "longvideobench" and known:
        given = guess_letter(question.id, question.letters)
    # Video-MME's script divides by what it could read, the others by all questions.
    counted = known and (given is not None or layout != "video-mme")
    return Verdict(question, given, known and given == question.gold, why, counted)


def _is_right(question: Question, given: str) -> bool:
    """Options of equal text are equally right, wherever the gold letter points."""
    if given == question.gold:
        return True
    texts = dict(zip(question.letters, question.options, strict=False))
    return question.gold is not None and texts.get(given) == texts[question.gold]


def _explain(question: Question, answer: Answer | None) -> str:
    if question.defect:
        return "defective question"
    if answer is None:
        return "not answered"
    return str(answer.reason or "names no option")
