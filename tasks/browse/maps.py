"""The map of a corpus: where its vectors lie, computed once a version of its index and kept."""

import hashlib
import importlib.util
import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, Field

from data.catalog.browsing import Column, list_columns, read_values
from data.errors import UserError
from engines.browse.projection import (
    find_in_polygon,
    project_pca,
    project_umap,
    sample_rows,
)
from engines.report.html import replace_file
from tasks.browse.session import Session
from tasks.retrieve.retriever import Retriever

Method = Literal["pca", "umap"]
BLOCK = 65_536  # rows that are digested together
MAX_POINTS = 20_000  # that a page draws; a lasso holds all the same what it surrounds
MAX_MAPS = 32  # that are kept: 8 MB each of a million videos
METHODS = {"pca": project_pca, "umap": project_umap}
_computing = threading.Lock()  # one map at a time: each takes all cores


class Lasso(BaseModel):
    """A polygon of (x, y) on the map, each from 0 to 1."""

    method: Method = "pca"
    polygon: list[tuple[float, float]] = Field(min_length=3, max_length=2000)


class Map(BaseModel):
    """Points of a map: places from 0 to 1, and for each its row in the index.

    `state` is "computing" until there are any. `colours` are values of a column, numbers or texts.
    """

    state: str
    methods: list[str]
    total: int = 0
    version: str = ""
    x: list[float] = []
    y: list[float] = []
    rows: list[int] = []
    colours: list[Any] | None = None


def read_map(session: Session, corpus: str, method: Method, colour: str | None) -> Map:
    """The map; begins to compute it in the background where it is not there yet."""
    retriever = session.open_retriever(corpus)
    places, methods = _find_places(session, retriever, method), _list_methods()
    if places is None:
        return Map(state="computing", methods=methods, version=retriever.version)
    placed = np.flatnonzero(np.isfinite(places[:, 0]))
    rows = placed[sample_rows(len(placed), MAX_POINTS)]
    colours = _read_colours(session, corpus, retriever, rows, colour) if colour else None
    x, y = (np.round(places[rows, axis], 4).astype(float).tolist() for axis in (0, 1))
    return Map(state="ready", methods=methods, total=len(places), version=retriever.version,
               x=x, y=y, rows=rows.tolist(), colours=colours)  # fmt: skip


def find_inside(session: Session, corpus: str, lasso: Lasso) -> list[str]:
    """The contents of all rows inside a lasso."""
    retriever = session.open_retriever(corpus)
    places = _find_places(session, retriever, lasso.method)
    if places is None:
        raise UserError("the map is still being computed")
    rows = find_in_polygon(places, np.array(lasso.polygon))
    return [str(content) for content in retriever.contents[rows]]


def find_content(session: Session, corpus: str, row: int, version: str | None) -> str:
    """The content of a row of the index; a UserError where the map is of another version of it."""
    retriever = session.open_retriever(corpus)
    contents = retriever.contents
    if version not in (None, retriever.version):
        raise UserError(f"the index is {retriever.version} now: load the map again")
    if not 0 <= row < len(contents):
        raise UserError(f"the index has no row {row}")
    return str(contents[row])


def name_map(session: Session, retriever: Retriever, method: Method) -> Path:
    """The file of a map, named by what it shows.

    Versions of other corpora and stores have the same names and fingerprints.
    """
    stage, contents = retriever.stage, retriever.index.content_column
    key = "contents", retriever.corpus, stage.fingerprint, retriever.version
    shown = session.results.find(key, lambda: _digest_column(contents))
    return _map_folder() / f"{stage.fingerprint}-{shown}-{method}.npy"


def _list_methods() -> list[str]:
    return ["pca", "umap"] if importlib.util.find_spec("umap") else ["pca"]


def _find_places(session: Session, retriever: Retriever, method: Method) -> np.ndarray | None:
    """The places of all rows (n, 2); None while they are computed."""
    if method not in _list_methods():
        raise UserError("UMAP is not installed: pip install 'reelflow[map]'")
    file = name_map(session, retriever, method)
    count = len(retriever.index)

    def read() -> np.ndarray:
        return np.load(file, mmap_mode="r")

    if file.exists():
        with suppress(OSError):  # the cache may be read only
            os.utime(file)  # it is looked at
        places: np.ndarray = session.results.find(("places", str(file)), read)
        if len(places) == count:
            return places
    session.run_once(f"map {file}", lambda: _compute(retriever, method, file))
    return None


def _digest_column(contents: Any) -> str:
    """A digest of the contents of an index's rows, an Arrow column, in their order."""
    found = hashlib.sha256()
    for first in range(0, len(contents), BLOCK):
        lines = map(str, contents.slice(first, BLOCK).to_pylist())
        found.update("".join(f"{line}\n" for line in lines).encode())
    return found.hexdigest()[:16]


def _compute(retriever: Retriever, method: Method, file: Path) -> None:
    with _computing:
        places = METHODS[method](retriever.index.vectors, len(retriever.index))
        replace_file(file, lambda draft: _save(draft, places))
        _drop_old(file.parent)


def _drop_old(folder: Path) -> None:
    """Removes the maps that nobody looked at longest: each version of an index has its own."""
    maps = sorted(folder.glob("*.npy"), key=lambda each: each.stat().st_mtime)
    for old in maps[:-MAX_MAPS]:
        old.unlink(missing_ok=True)


def _save(draft: Path, places: np.ndarray) -> None:
    with draft.open("wb") as target:
        np.save(target, places)


def _read_colours(
    session: Session, corpus: str, retriever: Retriever, rows: np.ndarray, name: str
) -> list[Any]:
    now = session.require_corpus(corpus)
    columns: list[Column] = session.results.find(
        ("columns", now.number, corpus), lambda: list_columns(now.snapshot, corpus)
    )
    column = next((each for each in columns if each.name == name and each.kind != "none"), None)
    if column is None:
        raise UserError(f"{name!r} is no column that a map can be coloured by")
    contents = [str(content) for content in retriever.contents[rows]]
    values = read_values(now.snapshot, corpus, column, contents)
    return [values.get(content) for content in contents]


def _map_folder() -> Path:
    """This user's cache: a store is only read."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    return cache / "reelflow" / "maps"
