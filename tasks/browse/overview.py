"""What there is to look at: the corpora of a store, and in which state each is."""

import json
from functools import partial
from typing import Any

from pydantic import BaseModel

from data.catalog.browsing import count_videos
from data.errors import UserError
from data.shards.stages import current_stage, read_spec
from data.snapshot import SnapshotWorkspace
from data.specs.models import describe_model
from data.specs.pipeline import EmbedSpec, IndexSpec
from data.store.last_ingest import describe_failure
from tasks.browse.session import Session
from tasks.index.versions import find_index
from tasks.origins import describe_mismatch


class IndexState(BaseModel):
    """The published version of an index, its measured recall, and the gate that it had to pass."""

    version: str
    videos: int
    kind: str
    recall: float | None
    gate: float | None


class CorpusState(BaseModel):
    """A corpus: `problems` say in plain words what is not as it should be, and what to type."""

    name: str
    videos: int
    hours: float
    model: str | None
    ready: bool
    index: IndexState | None
    problems: list[str]


class State(BaseModel):
    """What the page shows: `number` changes with the store, `started` with the server.

    `delayed` says why the page does not show the newest of the store.
    """

    root: str
    number: int
    started: float
    delayed: str | None
    corpora: list[CorpusState]


def read_state(session: Session) -> State:
    """The state of the store as it was copied last."""
    now = session.now
    corpora = [
        session.results.find(("state", now.number, name), partial(_read_corpus, now, name))
        for name in now.list_corpora() if now.snapshot.has(name)
    ]  # fmt: skip
    ready = [each.model_copy(update={"ready": _is_ready(session, now, each)}) for each in corpora]
    return State(root=now.store.root, number=now.number, started=session.started,
                 delayed=session.snapshots.delayed, corpora=ready)  # fmt: skip


def _is_ready(session: Session, now: SnapshotWorkspace, corpus: CorpusState) -> bool:
    """Whether a search by words would be answered at once."""
    stage = current_stage(now.store, corpus.name, "embed")
    return corpus.index is not None and stage is not None and session.models.is_loaded(stage)


def _read_corpus(now: SnapshotWorkspace, name: str) -> CorpusState:
    videos, hours = count_videos(now.snapshot, name)
    stage = current_stage(now.store, name, "embed")
    model = describe_model(read_spec(now.store, stage, EmbedSpec)) if stage else None
    index, problems = None, []
    try:
        index = _read_index(now, name)
    except UserError as error:
        problems.append(str(error))
    if failure := describe_failure(now.store, name):
        problems.append(f"the last ingest failed: {failure}")
    if warning := describe_mismatch(now, name):
        problems.append(warning)
    return CorpusState(name=name, videos=videos, hours=hours, model=model, ready=False,
                       index=index, problems=problems)  # fmt: skip


def _read_index(now: SnapshotWorkspace, corpus: str) -> IndexState:
    stage, version = find_index(now, corpus)
    record: dict[str, Any] = json.loads(now.store.read(f"{stage.folder}/{version}/index.json"))
    recall = (record.get("recall_at_10") or {}).values()
    gate = read_spec(now.store, stage, IndexSpec).gate
    return IndexState(version=version, videos=int(record["count"]), kind=str(record["key"]),
                      recall=min(recall, default=None), gate=gate)  # fmt: skip
