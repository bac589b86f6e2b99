"""Selections: videos picked one by one, all that meet filters, hits, or what a lasso holds."""

import uuid
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import BaseModel, Field

from data.catalog.browsing import find_rows, select_numbered
from data.catalog.filter_terms import join_conditions
from data.catalog.selected_files import SUFFIXES, Kind, write_selected
from data.errors import UserError
from data.snapshot import SnapshotWorkspace
from tasks.browse.maps import Lasso, find_inside
from tasks.browse.searching import Search, search_corpus
from tasks.browse.session import Session
from tasks.browse.videos import Choice

MAX_IDS = 5000


class SelectionRequest(Choice):
    """Which videos: `ids`, the hits of a `search`, or those in a `lasso` that meet the filters.

    Without any of these, all that meet the filters.
    """

    ids: list[str] | None = Field(None, max_length=MAX_IDS)
    search: Search | None = None
    lasso: Lasso | None = None


class SelectionState(BaseModel):
    """A selection by its name, and the command lines that write the same files."""

    selection: str
    videos: int
    commands: dict[str, str]


@dataclass(frozen=True, slots=True)
class Selection:
    """Row numbers (n,) of videos, in the copy of the catalogue that they were selected in."""

    now: SnapshotWorkspace
    corpus: str
    rows: np.ndarray


def make_selection(session: Session, corpus: str, asked: SelectionRequest) -> SelectionState:
    """Keeps a selection for a while, and says how to make its files."""
    now = session.require_corpus(corpus)
    rows = _select_rows(session, now, corpus, asked)
    name = uuid.uuid4().hex[:12]
    session.selections.put(name, Selection(now, corpus, rows))
    commands = {kind: _write_command(session, corpus, asked, kind) for kind in SUFFIXES}
    table = f"{corpus}-table{SUFFIXES['table']}"
    commands["corpus"] = session.write_command("run", "NEW-NAME", "--source", table)
    ids = f"{corpus}-ids{SUFFIXES['ids']}"
    commands["without"] = session.write_command("generate", corpus, "PROMPTS", "--without", ids)
    return SelectionState(selection=name, videos=len(rows), commands=commands)


def write_selection(session: Session, name: str, kind: Kind, file: Path) -> str:
    """Writes a kept selection as a file of a kind; the name that the file should have."""
    selection = session.selections.recall(name)
    if selection is None:
        raise UserError("this selection is no longer here: select again")
    with select_numbered(selection.now.snapshot, selection.corpus, selection.rows) as videos:
        write_selected(videos, kind, file)
    return f"{selection.corpus}-{kind}{SUFFIXES[kind]}"


def _select_rows(
    session: Session, now: SnapshotWorkspace, corpus: str, asked: SelectionRequest
) -> np.ndarray:
    if asked.ids is not None:
        return find_rows(now.snapshot, corpus, "id", asked.ids)
    if asked.search is not None:
        found = search_corpus(session, corpus, asked.search)
        ids = list(dict.fromkeys(video.id for video in found.videos))
        return find_rows(now.snapshot, corpus, "id", ids)
    rows = session.order_videos(now, corpus, asked.filters, asked.where)
    if asked.lasso is None:
        return rows
    inside = find_rows(now.snapshot, corpus, "content", find_inside(session, corpus, asked.lasso))
    return inside[np.isin(inside, rows)]


def _write_command(session: Session, corpus: str, asked: SelectionRequest, kind: str) -> str:
    """The command line that writes the file; of picked videos by the file of their ids."""
    words, search = ["select", corpus], asked.search
    # The command searches for whole videos, by similarity alone.
    is_plain = search is not None and search.mmr is None and not search.moments
    if search and is_plain and search.text:
        words += ["--text", search.text, "-k", str(search.k)]
    elif search and is_plain and search.video:
        words += ["--video", search.video, "-k", str(search.k)]
    elif asked.ids is not None or asked.lasso is not None or search is not None:
        words += ["--ids", f"{corpus}-ids{SUFFIXES['ids']}"]
    source = search or asked
    if wheres := join_conditions(source.filters, source.where):
        together = " AND ".join(f"({each})" for each in wheres) if len(wheres) > 1 else wheres[0]
        words += ["--where", together]
    words += ["--as", kind, "--out", f"{corpus}-{kind}{SUFFIXES[kind]}"]
    return session.write_command(*words)
