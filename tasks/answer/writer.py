"""The answer stage: videos with questions to answers, a table of rows a shard."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from functools import partial
from typing import Any

from data.ids import file_name
from data.outcome import MACHINE_REASONS, Done, Failed, Outcome
from data.runs.answering import VERSION, Answering, read_answered, write_answers
from data.runs.answers import Answer, read_answer
from data.runs.questions import Question, VideoQuestions, read_video_questions
from data.shards.lists import Shard, add_shards, list_pending
from data.shards.receipts import DETAIL
from data.store import layout
from data.store.storage import Store
from data.workspace import Workspace
from engines.answer.engine import VideoAnswerer
from engines.answer.items import AnsweredVideo, AnswerTask
from engines.base import Engine, Runner
from tasks.answer.request import PlannedAnswers
from tasks.answer.setup import build_answer_setup
from tasks.plan import select_missing, update_pending
from tasks.signed_links import restore_links
from tasks.stage_run import ShardWriter, StageRun
from tasks.withdrawn import read_withdrawn
from tasks.workers import count_workers

SHARD = 16  # videos a list: also how many are in flight at once, twice for each worker
BATCH = 4  # videos whose questions go to the model together

AnsweredRow = dict[str, Any]  # id, content, answers, reason, detail


class AnswerWriter(ShardWriter[VideoQuestions, AnsweredVideo, AnsweredRow]):
    """Keeps each video's answers as soon as they come, and all of a shard's as one table.

    Answers may have cost money: those of an attempt cut short are found again.
    """

    def __init__(
        self, store: Store, folder: str, shard: Shard[VideoQuestions], withdrawn: Set[str],
        broken: Mapping[str, str],
    ) -> None:  # fmt: skip
        super().__init__()
        self._store, self._withdrawn, self._broken = store, withdrawn, broken
        self._parts, self._table = f"{folder}/parts/{shard.id}", layout.shard_file(folder, shard.id)
        self._order = [item.id for item in shard.items]
        self._answers: dict[str, list[Answer]] = {}

    def find_row(self, item: VideoQuestions) -> AnsweredRow | None:
        failed = self._find_fault(item)
        if failed is not None:
            return self._keep(item, [*_fail_all(item.questions, item, failed)], failed)
        name = self._name_part(item)
        if not self._store.exists(name):
            return None
        answers = [read_answer(row) for row in json.loads(self._store.read(name))]
        return self._keep(item, answers, None)

    def write(self, item: VideoQuestions, outcome: Outcome[AnsweredVideo]) -> AnsweredRow:
        if not isinstance(outcome, Done):
            return self._keep(item, [*_fail_all(item.questions, item, outcome)], outcome)
        self.seconds.update(outcome.value.seconds)  # type: ignore[arg-type]
        answers = [*outcome.value.answers, *_fail_all(item.questions, item, None)]
        # What a machine was to blame for is asked again by whoever takes this attempt up.
        if not any(answer.reason in MACHINE_REASONS for answer in answers):
            rows = [answer.to_row() for answer in answers]
            self._store.write(self._name_part(item), json.dumps(rows).encode())
        return self._keep(item, answers, None)

    def finish(self) -> None:
        rows = [answer for id in self._order for answer in self._answers.get(id, ())]
        write_answers(self._store, self._table, rows)

    def _name_part(self, item: VideoQuestions) -> str:
        return f"{self._parts}/{file_name(item.id)}.json"

    def _find_fault(self, item: VideoQuestions) -> Failed | None:
        """Why no worker needs to see the video; None where one does."""
        if not item.id:
            return Failed(item.id, "rejected", "the question names no video")
        if not item.video.uri:
            return Failed(item.id, "missing", f"no video {item.id}")
        if item.video.content in self._withdrawn:  # since it was listed
            return Failed(item.id, "rejected", "withdrawn")
        if item.video.content in self._broken:
            return Failed(item.id, "undecodable", self._broken[item.video.content])
        if all(question.defect for question in item.questions):
            return Failed(item.id, "rejected", "none of its questions can be answered")
        return None

    def _keep(
        self, item: VideoQuestions, answers: Sequence[Answer], failed: Failed | None
    ) -> AnsweredRow:
        self._answers[item.id] = list(answers)
        row: AnsweredRow = {
            "id": item.id, "content": item.video.content, "answers": len(answers), "reason": None,
        }  # fmt: skip
        if failed is None:
            return row
        return row | {"reason": failed.reason, "detail": failed.detail[:DETAIL]}


class AnswerRun(StageRun[VideoQuestions, AnsweredVideo, AnsweredRow]):
    """Workers that answer the questions about videos."""

    stage = "answer"

    def __init__(
        self, workspace: Workspace, planned: PlannedAnswers, runner: Runner, shards: Sequence[str]
    ) -> None:
        setup, frames = build_answer_setup(workspace.settings), planned.frames
        embed = frames.spec if frames else None
        make: Callable[[], Engine] = partial(VideoAnswerer, planned.run.spec, setup, embed)
        super().__init__(workspace.store, planned.run.folder, VERSION, make, runner, BATCH)
        self.planned = planned
        self.workers, self.decoders = count_workers(workspace.settings), setup.decoders
        self.progress.total = self.count_items(shards)
        corpus = planned.run.corpus
        self._withdrawn = read_withdrawn(workspace, corpus) if corpus else set[str]()

    def read_item(self, payload: dict[str, Any]) -> VideoQuestions:
        return read_video_questions(payload)

    def open_writer(self, shard: Shard[VideoQuestions]) -> AnswerWriter:
        broken = self.planned.texts.broken
        return AnswerWriter(self.store, self.folder, shard, self._withdrawn, broken)

    def to_input(self, item: VideoQuestions) -> AnswerTask:
        frames, texts = self.planned.frames, self.planned.texts
        return AnswerTask(
            item.id, restore_links(item.video),
            tuple(question for question in item.questions if not question.defect),
            texts.find_parts(item), frames.find_frames(item) if frames else None,
            texts.list_lacks(item),
        )  # fmt: skip


def plan_items(workspace: Workspace, run: Answering) -> list[str]:
    """Lists every question without an answer, by its video, in shards; the shards to run."""
    store, folder = workspace.store, run.folder
    now = {item.id: item.video for item in run.videos}
    update_pending(store, folder, read_video_questions, lambda items: [
        VideoQuestions(item.id, now[item.id], item.questions) for item in items
    ])  # fmt: skip
    rows = read_answered(store, folder)
    final = {id for id, answer in rows.items() if answer.reason not in MACHINE_REASONS}
    left = [
        VideoQuestions(item.id, item.video, open_ones)
        for item in run.videos
        if (open_ones := tuple(q for q in item.questions if q.id not in final))
    ]
    missing = select_missing(store, folder, left, (), read_video_questions)
    add_shards(store, folder, missing, min(SHARD, workspace.settings.shard_size))
    return list_pending(store, folder)


def _fail_all(
    questions: Iterable[Question], item: VideoQuestions, failed: Failed | None
) -> list[Answer]:
    """Rows for questions without an answer: for all, or for those with a defect (None)."""
    return [
        Answer(
            question.id, question.video, item.video.content,
            reason="rejected" if question.defect or failed is None else failed.reason,
            detail=(question.defect or (failed.detail if failed else ""))[:DETAIL],
        )
        for question in questions
        if question.defect or failed is not None
    ]  # fmt: skip
