"""A run of answers at work in the store: what it answers, and the rows that its shards left."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa

from data.errors import UserError
from data.runs.answers import ANSWERS, Answer, read_answer
from data.runs.questions import (
    QUESTIONS,
    Question,
    VideoQuestions,
    digest_questions,
    read_question,
)
from data.shards.lists import list_done
from data.specs.answer import AnswerSpec
from data.specs.pipeline import fingerprint
from data.stamps import hash_json, utc_now
from data.store import layout, tables
from data.store.storage import Store

VERSION = "1"  # part of every fingerprint: raise it only if all answers change


@dataclass(frozen=True)
class Answering:
    """Everything that the fingerprint of a run of answers names.

    `texts` are fingerprints of the stages whose texts and vectors are used, by kind, and `seen` the
    digest of which videos they have looked through: once there are more, answers may differ.
    `model` is the version and the digest of the model that answers. `corpus` is None for a folder.
    """

    source: str
    layout: str
    corpus: str | None
    spec: AnswerSpec
    questions: tuple[Question, ...]
    videos: tuple[VideoQuestions, ...]
    model: tuple[str, str]
    texts: dict[str, str]
    seen: str
    prompts: str

    @cached_property
    def fingerprint(self) -> str:
        """12 hex digits; the same for the same questions and videos, wherever they lie."""
        contents = sorted((each.id, each.video.content) for each in self.videos)
        texts = [sorted(self.texts.items()), self.seen]
        inputs = [texts, list(self.model), self.prompts, contents]
        return fingerprint(
            self.spec, VERSION, hash_json([inputs, digest_questions(self.questions)])
        )

    @property
    def folder(self) -> str:
        return layout.answers_folder(self.fingerprint)


def record_answering(store: Store, run: Answering) -> dict[str, Any]:
    """The run's record, written where there is none yet, and its table of questions."""
    name = layout.spec_file(run.folder)
    if not store.exists(name):
        write_questions(store, f"{run.folder}/questions.parquet", run.questions)
        record = {
            "run": run.fingerprint, "made": utc_now(), "source": run.source,
            "layout": run.layout, "corpus": run.corpus, "spec": run.spec.model_dump(),
            "model": run.spec.model, "model_version": run.model[0], "model_digest": run.model[1],
            "texts": run.texts, "prompts": run.prompts,
            "questions": len(run.questions), "videos": len(run.videos),
        }  # fmt: skip
        store.write(name, json.dumps(record, indent=2).encode())
    return json.loads(store.read(name))


def write_questions(store: Store, name: str, questions: Sequence[Question]) -> None:
    """Writes questions as a table of `QUESTIONS`, in their order."""
    tables.write_rows(store, name, QUESTIONS, [asdict(each) for each in questions])


def write_answers(store: Store, name: str, answers: Sequence[Answer]) -> None:
    """Writes answers as a table of `ANSWERS`, in their order."""
    tables.write_rows(store, name, ANSWERS, [each.to_row() for each in answers])


def read_answers(store: Store, name: str) -> Iterator[Answer]:
    """The answers of a table, in its order."""
    batch: pa.RecordBatch
    for batch in tables.iter_batches(store, name):
        yield from (read_answer(row) for row in batch.to_pylist())


def read_answered(store: Store, folder: str) -> dict[str, Answer]:
    """The newest answer of each question of the finished shards, by the question's id."""
    # Shards come in the order of attempts: a later row replaces an earlier one.
    return {
        answer.question: answer
        for shard in list_done(store, folder)
        for answer in read_answers(store, layout.shard_file(folder, shard))
    }


def read_run(store: Store, run: str) -> dict[str, Any]:
    """The summary of a complete run of answers; a UserError where there is none."""
    name = f"{layout.answers_folder(run)}/summary.json"
    if not run.isalnum() or not store.exists(name):
        known = ", ".join(list_runs(store)) or "none yet"
        raise UserError(f"no answers {run!r} in {store.root} (there are: {known})")
    return json.loads(store.read(name))


def list_runs(store: Store) -> list[str]:
    """The fingerprints of all complete runs of answers."""
    folders = (name.rsplit("/", 1)[-1] for name in store.list_names(layout.ANSWERS))
    return [run for run in folders if store.exists(f"{layout.ANSWERS}/{run}/summary.json")]


def read_run_questions(store: Store, run: str) -> list[Question]:
    """The questions of a run, in their order."""
    table = tables.read_table(store, f"{layout.answers_folder(run)}/questions.parquet")
    return [read_question(row) for row in table.to_pylist()]


def read_run_answers(store: Store, run: str) -> list[Answer]:
    """The answers of a complete run, in the order of its questions: one each."""
    return list(read_answers(store, f"{layout.answers_folder(run)}/answers.parquet"))
