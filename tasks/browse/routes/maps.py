"""The map of a corpus, and selections: what a lasso, filters or a search hold, as files."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from starlette.background import BackgroundTask
from starlette.responses import FileResponse

from data.catalog.browsing import read_by_key
from data.catalog.selected_files import Kind
from data.errors import UserError
from data.store.temporary import TemporaryFolder
from tasks.browse.maps import Map, find_content, read_map
from tasks.browse.routes.common import Corpus, CurrentSession
from tasks.browse.selections import (
    SelectionRequest,
    SelectionState,
    make_selection,
    write_selection,
)
from tasks.browse.videos import Video, build_video

router = APIRouter(prefix="/api/corpora/{corpus}", tags=["map and selections"])


@router.get("/map")
def map_points(
    session: CurrentSession, corpus: Corpus, method: Literal["pca", "umap"] = "pca",
    colour: Annotated[str | None, Query(description="Column to colour by.")] = None,
) -> Map:  # fmt: skip
    """The map of a corpus's vectors in two dimensions, computed once a version of its index."""
    return read_map(session, corpus, method, colour)


@router.get("/map/video")
def map_video(
    session: CurrentSession, corpus: Corpus, row: int, version: str | None = None
) -> Video:
    """The video of a point of the map, which is of this version of the index."""
    now = session.require_corpus(corpus)
    content = find_content(session, corpus, row, version)
    rows = read_by_key(now.snapshot, corpus, "content", [content])
    if not rows:
        raise UserError("this video is not shown any more")
    return build_video(rows[0])


@router.post("/selections")
def select(session: CurrentSession, corpus: Corpus, asked: SelectionRequest) -> SelectionState:
    """Selects videos; their files can be fetched for a while."""
    return make_selection(session, corpus, asked)


@router.get("/selections/{selection}/{kind}")
def selection_file(
    session: CurrentSession, corpus: Corpus, selection: str, kind: Kind
) -> FileResponse:
    """A selection as a Parquet table to ingest, a file of prompts, or one of ids."""
    folder = TemporaryFolder()
    file = session.folder.joinpath(folder.name, "selection")
    name = write_selection(session, selection, kind, file)
    headers = {"Content-Security-Policy": "sandbox"}
    return FileResponse(file, filename=name, headers=headers,
                        media_type="application/octet-stream",
                        background=BackgroundTask(folder.cleanup))  # fmt: skip
