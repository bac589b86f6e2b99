"""What is known of a video over time: its shots, and what was said, written and seen in it."""

import pyarrow.compute as pc
from pydantic import BaseModel

from data.catalog.database import load_sql
from data.shards.stages import ANNOTATE, Stage, current_stage, list_annotated
from data.snapshot import SnapshotWorkspace
from data.store import layout, tables
from data.store.texts import read_texts

MAX_TEXTS, MAX_SHOTS = 400, 2000  # of a day-long recording: more is no page any more


class Shot(BaseModel):
    """A span between two cuts, in seconds of the video."""

    start_sec: float
    end_sec: float


class TimedText(BaseModel):
    """A text in a video: `kind` is how it was found, such as speech or screen."""

    kind: str
    start_sec: float
    end_sec: float
    text: str


class Timeline(BaseModel):
    """Shots, and texts in the order of their times; `more` texts are not listed.

    `stages` are those that looked through the video: without any, nothing is known of it.
    """

    shots: list[Shot] = []
    texts: list[TimedText] = []
    more: int = 0
    stages: list[str] = []


def read_timeline(now: SnapshotWorkspace, corpus: str, content: str) -> Timeline:
    """The shots and texts of a content that the corpus's stages have found so far."""
    found = Timeline()
    for kind in ["split", *list_annotated(now.store, corpus)]:
        stage = current_stage(now.store, corpus, kind)
        shard = _find_shard(now, stage, content) if stage else None
        if stage is None or shard is None:
            continue
        found.stages.append(kind.removeprefix(ANNOTATE))
        name = layout.shard_file(stage.folder, shard)
        # A shard's table has hundreds of videos: it is read for one, since one is looked at.
        if kind == "split":
            found.shots = _read_shots(now, name, content)
        else:
            found.texts += [
                TimedText(kind=each.kind, start_sec=each.start, end_sec=each.end, text=each.text)
                for each in read_texts(now.store, name) if each.content == content
            ]  # fmt: skip
    found.texts.sort(key=lambda each: (each.start_sec, each.kind))
    found.more = max(0, len(found.texts) - MAX_TEXTS)
    del found.texts[MAX_TEXTS:]
    return found


def _find_shard(now: SnapshotWorkspace, stage: Stage, content: str) -> str | None:
    values = {"stage": stage.kind, "fingerprint": stage.fingerprint, "content": content}
    with now.open_catalog() as catalog:
        rows = catalog.execute(load_sql("stage_locations"), corpus=stage.corpus, **values)
    return rows[0][0] if rows else None


def _read_shots(now: SnapshotWorkspace, name: str, content: str) -> list[Shot]:
    table = tables.read_table(now.store, name)
    rows = table.filter(pc.field("content") == content).to_pylist()[:MAX_SHOTS]
    return [Shot(start_sec=row["start_sec"], end_sec=row["end_sec"]) for row in rows]
