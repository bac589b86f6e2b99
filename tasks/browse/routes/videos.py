"""Videos: pages of them, what their columns hold, and all that is known of one."""

from functools import partial
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from data.catalog.browsing import describe_column, list_columns, read_rows
from data.catalog.filter_terms import join_conditions
from tasks.browse.details import Details, read_details
from tasks.browse.routes.common import Corpus, CurrentSession
from tasks.browse.videos import Choice, Video, build_video, to_json

MAX_PAGE = 240

router = APIRouter(prefix="/api/corpora/{corpus}", tags=["videos"])


class PageRequest(Choice):
    """A page of videos in an order: by a column, or as their sources have them."""

    sort: str | None = None
    descending: bool = False
    offset: int = Field(0, ge=0)
    limit: int = Field(60, ge=1, le=MAX_PAGE)


class Page(BaseModel):
    """A page of the `total` videos that were chosen; `number` is that of the catalogue's copy."""

    total: int
    number: int
    videos: list[Video]


class FacetRequest(Choice):
    """Which columns to describe; all that can be filtered by where it is left out."""

    columns: list[str] | None = None


@router.get("/columns")
def columns(session: CurrentSession, corpus: Corpus) -> list[dict[str, Any]]:
    """The columns of a corpus's videos, and how each can be filtered."""
    return [
        {"name": each.name, "type": each.type, "kind": each.kind}
        for each in _list_columns(session, corpus)
    ]


@router.post("/videos")
def videos(session: CurrentSession, corpus: Corpus, asked: PageRequest) -> Page:
    """A page of videos; any page of a million takes as long as the first."""
    now = session.require_corpus(corpus)
    rows = session.order_videos(
        now, corpus, asked.filters, asked.where, asked.sort, asked.descending
    )
    part = read_rows(now.snapshot, corpus, rows[asked.offset : asked.offset + asked.limit])
    return Page(total=len(rows), number=now.number, videos=[build_video(row) for row in part])


@router.post("/facets")
def facets(session: CurrentSession, corpus: Corpus, asked: FacetRequest) -> list[dict[str, Any]]:
    """What the columns hold of the chosen videos: commonest values, or a histogram."""
    wheres, now = join_conditions(asked.filters, asked.where), session.require_corpus(corpus)
    found = []
    for column in _list_columns(session, corpus):
        if column.kind != "none" and (asked.columns is None or column.name in asked.columns):
            key = "facet", now.number, corpus, column.name, tuple(wheres)
            facet = session.results.find(
                key, partial(describe_column, now.snapshot, corpus, column, wheres)
            )
            found.append({name: to_json(getattr(facet, name)) for name in facet.__slots__})
    return found


@router.get("/video")
def video(session: CurrentSession, corpus: Corpus, id: str, query: str | None = None) -> Details:
    """All that is known of one video, by its id; `query` adds its curve for a search."""
    return read_details(session, corpus, id, query)


def _list_columns(session: CurrentSession, corpus: str) -> list[Any]:
    now = session.require_corpus(corpus)
    found: list[Any] = session.results.find(
        ("columns", now.number, corpus), lambda: list_columns(now.snapshot, corpus)
    )
    return found
