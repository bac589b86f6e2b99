"""What a run of answers comes to, in figures that count every question."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from data.errors import UserError
from data.runs.answers import Answer
from data.runs.questions import Question
from tasks.success import require_success


def summarize(
    record: dict[str, Any], questions: Sequence[Question], answers: Sequence[Answer]
) -> dict[str, Any]:
    """The run's record with its counts.

    `unread` replies name no option. `accuracy` is of all questions whose right option is known:
    failed and unread ones are among them, and count as wrong.
    """
    failed = Counter(answer.reason for answer in answers if answer.reason)
    known = [
        (question, answer)
        for question, answer in zip(questions, answers, strict=True)
        if question.gold and question.options
    ]
    correct = sum(answer.answer == question.gold for question, answer in known)
    return record | {
        "answered": sum(answer.answer is not None for answer in answers),
        "unread": sum(answer.answer is None and not answer.reason for answer in answers),
        "failed": dict(failed.most_common()),
        "without_texts": sum(not answer.reason and not answer.evidence for answer in answers),
        "with_gold": len(known),
        "correct": correct,
        "accuracy": correct / len(known) if known else None,
        "requests": dict(Counter(answer.parse for answer in answers if answer.parse)),
        "prompt_tokens": sum(answer.prompt_tokens or 0 for answer in answers),
        "reply_tokens": sum(answer.reply_tokens or 0 for answer in answers),
        "seconds": round(sum(answer.seconds for answer in answers), 3),
        "notes": sum(bool(question.note) for question in questions),
    }


def require_any_answer(summary: dict[str, Any], answers: Sequence[Answer]) -> None:
    """A UserError where questions were asked and not one of them could be put to the model."""
    done = summary["questions"] - sum(summary["failed"].values())
    details = Counter(answer.detail for answer in answers if answer.reason).most_common(1)
    detail = details[0][0] if details else ""
    require_success("question", done, summary["failed"], detail)


def describe_accuracy(summary: dict[str, Any]) -> str | None:
    """The accuracy with its denominator, as tables and pages say it."""
    if summary["accuracy"] is None:
        return None
    return (
        f"{summary['accuracy']:.1%}: {summary['correct']:,} of {summary['with_gold']:,} questions"
        " with a known answer; those that failed or named no option count as wrong"
    )


def check_complete(questions: Sequence[Question], rows: dict[str, Answer]) -> list[Answer]:
    """The answers in the order of the questions; a UserError where some are not there yet."""
    missing = [question.id for question in questions if question.id not in rows]
    if missing:
        raise UserError(
            f"{len(missing):,} questions have no answer yet, such as {missing[0]}: run it again"
        )
    return [rows[question.id] for question in questions]
