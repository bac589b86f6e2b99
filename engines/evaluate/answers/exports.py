"""Answers as the published scripts of the benchmarks write them, for their own evaluators."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from data.runs.answers import Answer
from data.runs.questions import Question

Row = Mapping[str, Any]
Replies = Mapping[str, str]


def export_answers(
    layout: str, rows: Sequence[Row], questions: Sequence[Question], answers: Mapping[str, Answer]
) -> list[dict[str, Any]]:
    """The rows of the file that the benchmark's script writes; `rows` are those of its questions.

    A question without an answer has an empty reply.
    """
    replies = {id: answer.reply for id, answer in answers.items()}
    if layout == "video-mme":
        return _fill_video_mme(rows, questions, replies)
    export = {"mlvu": _list_mlvu, "longvideobench": _list_longvideobench}[layout]
    return export(questions, replies)


def _fill_video_mme(
    rows: Sequence[Row], questions: Sequence[Question], replies: Replies
) -> list[dict[str, Any]]:
    """The file as it was read, with `response` filled in."""
    # By order, not by id: ids may be there twice, and readers keep the order.
    filled, ids = [deepcopy(dict(row)) for row in rows], iter(questions)
    for row in filled:
        listed = row["questions"] if isinstance(row.get("questions"), list) else [row]
        for each in listed:
            reply = replies.get(next(ids).id, "")
            if isinstance(each, dict):
                each["response"] = reply
    return filled


def _list_mlvu(questions: Sequence[Question], replies: Replies) -> list[dict[str, Any]]:
    """Each question's type, the reply's first character, and the right letter."""
    return [
        {"question_id": each.id, "question_type": each.task_type,
         "option": replies.get(each.id, "")[:1], "answer": each.gold}
        for each in questions
    ]  # fmt: skip


def _list_longvideobench(questions: Sequence[Question], replies: Replies) -> list[dict[str, Any]]:
    """Validation: first character and right letter, by video; the test set: the whole reply."""
    if all(each.gold is None for each in questions):
        return [{each.video: replies.get(each.id, "")} for each in questions]
    return [
        {"video": each.video, "pred": replies.get(each.id, "")[:1], "gt": each.gold}
        for each in questions
    ]
