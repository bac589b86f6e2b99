"""What a run of answers comes to, in figures that count every question."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from data.errors import UserError
from data.runs.answers import Answer
from data.runs.questions import Question
from engines.evaluate.answers.verdicts import judge_answers
from tasks.success import require_success


def summarize(
    record: dict[str, Any], questions: Sequence[Question], answers: Sequence[Answer]
) -> dict[str, Any]:
    """The run's record with its counts.

    `unread` replies name no option, and none was scored best; `by_scores` answers are those of
    replies that name none. `accuracy` is of the `counted` questions, as `score` judges them.
    """
    failed = Counter(answer.reason for answer in answers if answer.reason)
    verdicts = judge_answers(questions, {answer.question: answer for answer in answers})
    counted = [verdict for verdict in verdicts if verdict.counted]
    correct = sum(verdict.right for verdict in counted)
    return record | {
        "answered": sum(answer.answer is not None for answer in answers),
        "unread": sum(answer.answer is None and not answer.reason for answer in answers),
        "failed": dict(failed.most_common()),
        "without_texts": sum(not answer.reason and not answer.evidence for answer in answers),
        "by_scores": sum(answer.chosen_by == "scores" for answer in answers),
        "counted": len(counted),
        "correct": correct,
        "accuracy": correct / len(counted) if counted else None,
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
        f"{summary['accuracy']:.1%}: {summary['correct']:,} of {summary['counted']:,} questions;"
        " those that failed, named no option or could not be asked count as wrong"
    )


def check_complete(questions: Sequence[Question], rows: dict[str, Answer]) -> list[Answer]:
    """The answers in the order of the questions; a UserError where some are not there yet."""
    missing = [question.id for question in questions if question.id not in rows]
    if missing:
        raise UserError(
            f"{len(missing):,} questions have no answer yet, such as {missing[0]}: run it again"
        )
    return [rows[question.id] for question in questions]
