"""Finds answers that go by a video that was withdrawn, and removes what they say."""

import json
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass
from typing import Any

from data.catalog.database import load_sql
from data.runs.answering import read_answers, read_run_questions, write_answers
from data.runs.answers import Answer, read_answer
from data.shards.lists import list_done
from data.store import layout
from data.store.storage import Store
from data.workspace import Workspace
from tasks.answer.summary import summarize
from tasks.service.turns import wait_turn

WITHDRAWN = "goes by a video that was withdrawn"

Rows = list[dict[str, Any]]  # run, question, video, answer


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A content that was withdrawn, and the ids that videos of it have had."""

    content: str
    ids: Set[str]

    def covers(self, answer: Answer) -> bool:
        """Whether an answer is about the content, or was given texts of it."""
        is_about = answer.content == self.content and not answer.reason
        return is_about or any(each.video in self.ids for each in answer.evidence)


def find_answers(workspace: Workspace, corpus: str, content: str | None) -> Rows:
    """The answers of a corpus, of all runs, that a withdrawn content has a part in."""
    if content is None:
        return []
    gone = _read_withdrawal(workspace, corpus, content)
    found = {
        (run, answer.question): answer
        for run in _list_runs(workspace.store, corpus)
        for answer in _iter_answers(workspace.store, layout.answers_folder(run))
        if gone.covers(answer)
    }
    return [
        {"run": run, "question": question, "video": answer.video, "answer": answer.answer}
        for (run, question), answer in sorted(found.items())
    ]


def remove_answers(workspace: Workspace, corpus: str, content: str | None, rows: Rows) -> None:
    """Leaves only a reason in each of these answers, and removes the pages that show them."""
    store, runs = workspace.store, {row["run"] for row in rows}
    if content is None or not runs:
        return
    gone = _read_withdrawal(workspace, corpus, content)
    for page in _find_pages(store, runs):
        store.delete(page)
    for run in sorted(runs):
        folder = layout.answers_folder(run)
        with workspace.lock_store_folder(folder, f"removes answers of {run}", wait_turn):
            for name in _list_parts(store, folder):
                if any(map(gone.covers, _read_part(store, name))):
                    store.delete(name)
            for name in _list_tables(store, folder):
                _blank_table(store, name, gone)
            _update_summary(store, run)


def _read_withdrawal(workspace: Workspace, corpus: str, content: str) -> Withdrawal:
    with workspace.open_synced_catalog(corpus) as catalog:
        rows = catalog.execute(load_sql("ids_of_content"), corpus=corpus, content=content)
    return Withdrawal(content, {id for (id,) in rows})


def _list_runs(store: Store, corpus: str) -> Iterator[str]:
    """The runs of answers about a corpus, finished or not."""
    for folder in store.list_names(layout.ANSWERS):
        name = layout.spec_file(folder)
        if store.exists(name) and json.loads(store.read(name))["corpus"] == corpus:
            yield folder.rpartition("/")[2]


def _iter_answers(store: Store, folder: str) -> Iterator[Answer]:
    for name in _list_tables(store, folder):
        yield from read_answers(store, name)
    for name in _list_parts(store, folder):
        yield from _read_part(store, name)


def _list_tables(store: Store, folder: str) -> list[str]:
    names = [layout.shard_file(folder, shard) for shard in list_done(store, folder)]
    return [name for name in (*names, f"{folder}/answers.parquet") if store.exists(name)]


def _list_parts(store: Store, folder: str) -> list[str]:
    """The answers of single videos that a run which was cut short has left."""
    shards = store.list_names(f"{folder}/parts")
    return [name for shard in shards for name in store.list_names(shard, ".json")]


def _read_part(store: Store, name: str) -> list[Answer]:
    return [read_answer(row) for row in json.loads(store.read(name))]


def _blank_table(store: Store, name: str, gone: Withdrawal) -> None:
    answers = list(read_answers(store, name))
    if any(map(gone.covers, answers)):
        write_answers(store, name, [_blank(a) if gone.covers(a) else a for a in answers])


def _blank(answer: Answer) -> Answer:
    return Answer(
        answer.question, answer.video, answer.content, reason="rejected", detail=WITHDRAWN
    )


def _update_summary(store: Store, run: str) -> None:
    """Counts the answers of a complete run anew."""
    folder = layout.answers_folder(run)
    name = f"{folder}/summary.json"
    if not store.exists(name):
        return
    record = json.loads(store.read(layout.spec_file(folder)))
    answers = list(read_answers(store, f"{folder}/answers.parquet"))
    summary = summarize(record, read_run_questions(store, run), answers)
    store.write(name, json.dumps(summary, indent=2, allow_nan=False).encode())


def _find_pages(store: Store, runs: Set[str]) -> Iterable[str]:
    """The pages of experiments with these runs, which show evidence and play it."""
    for folder in store.list_names(layout.TEXT_EXPERIMENTS):
        name = f"{folder}/summary.json"
        if store.exists(name) and runs & set(json.loads(store.read(name))["runs"].values()):
            yield f"{folder}/report.html"
