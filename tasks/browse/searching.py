"""Searches of the page: by words, by a video of the corpus, or by a file that was dropped in."""

import hashlib
from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, Field

from data.catalog.database import load_sql
from data.catalog.filter_terms import join_conditions
from data.errors import UserError
from data.records import Hit, Prompt, Query
from data.shards.stages import current_stage
from data.specs.retrieve import VIDEO_QUERIES, RetrieveSpec
from data.store import layout
from data.store.frame_vectors import read_frames
from engines.embed.text import to_unit_length
from tasks.browse.session import Session
from tasks.browse.videos import Choice, Video, build_video, read_videos

MAX_HITS = 600  # beyond it a rank says nothing, and comparing candidates takes seconds

NO_DEDUP = 1.01  # above every similarity


class Search(Choice):
    """What to search for: a `text`, a `video` by its id, or an `upload`, exactly one of these."""

    text: str | None = None
    video: str | None = None
    upload: str | None = None
    k: int = Field(48, ge=1, le=MAX_HITS)
    mmr: float | None = Field(None, ge=0, le=1)
    moments: bool = False


class Found(BaseModel):
    """The videos that were found, best first; `query` names the search to what asks about it."""

    query: str
    videos: list[Video]
    short: int


class Curve(BaseModel):
    """How similar a video's frames are to a query over time; `best` is the time of the highest."""

    id: str
    seconds: list[float]
    scores: list[float]
    best: float


@dataclass(frozen=True, slots=True)
class _Query:
    name: str
    vector: np.ndarray  # (1, dim) of unit length
    own: str | None = None  # the content of the video that it is


def search_corpus(
    session: Session, corpus: str, search: Search, keep_copies: bool = False
) -> Found:
    """The k best videos; a UserError where the corpus has no index, or nothing was asked.

    Near copies of the query and of better hits are left out, unless they are to be kept.
    """
    retriever = session.open_retriever(corpus)
    wheres = join_conditions(search.filters, search.where)
    base = RetrieveSpec() if search.video is None else VIDEO_QUERIES
    spec = base.model_copy(update={"k": search.k, "mmr": search.mmr, "moments": search.moments})
    if keep_copies:
        spec = spec.model_copy(update={"ceiling": RetrieveSpec().ceiling, "dedup": NO_DEDUP})
    query = _find_query(session, corpus, search)
    own = None if query.own is None else [query.own]
    hits = retriever.search_vectors(
        [Query(query.name, query.name)], query.vector, spec, wheres=wheres, own=own
    )
    # Taken out: the retriever lives as long as the page.
    short = retriever.shortages.pop(query.name, 0)
    retriever.unmatched.clear()
    return Found(query=query.name, videos=_build_videos(session, corpus, hits), short=short)


def read_curves(session: Session, corpus: str, name: str, ids: list[str]) -> list[Curve]:
    """The curves of a few videos for a search that was made; without those that have no frames."""
    query, now = session.queries.recall((corpus, name)), session.require_corpus(corpus)
    stage = current_stage(now.store, corpus, "embed")
    if query is None or stage is None:
        return []
    contents = {row["content"]: row["id"] for row in read_videos(now, corpus, ids)}
    with now.open_catalog() as catalog:
        places = catalog.execute(
            load_sql("output_locations"), corpus=corpus, stage=stage.kind,
            fingerprint=stage.fingerprint, contents=list(contents),
        )  # fmt: skip
    curves = []
    for content, shard, id in places:
        frames = read_frames(now.store, layout.shard_file(stage.folder, shard), id)
        if frames is not None:
            curves.append(_build_curve(contents[content], query[0], *frames))
    return curves


def _build_curve(id: str, vector: np.ndarray, seconds: np.ndarray, frames: np.ndarray) -> Curve:
    wide = frames.astype(np.float32)
    lengths = np.maximum(np.linalg.norm(wide, axis=1), 1e-12)
    scores = wide @ vector[0] / lengths
    best = float(seconds[int(scores.argmax())])
    return Curve(id=id, seconds=seconds.tolist(), scores=scores.tolist(), best=best)


def _find_query(session: Session, corpus: str, search: Search) -> _Query:
    """The vector of a search, kept so that curves can be asked for."""
    given = [each for each in (search.text, search.video, search.upload) if each]
    if len(given) != 1:
        raise UserError("give one of a text, a video and an upload")
    kind = "text" if search.text else "video" if search.video else "upload"
    retriever = session.open_retriever(corpus)
    # A version of another model's index may have the same name.
    asked = f"{retriever.stage.fingerprint} {retriever.version} {kind} {given[0]}"
    name = hashlib.sha256(asked.encode("utf-8", "surrogatepass")).hexdigest()[:16]

    def embed() -> tuple[np.ndarray, str | None]:
        if search.upload:
            stage = current_stage(session.now.store, corpus, "embed")
            made_by = stage.fingerprint if stage else ""
            vector = session.queries.recall((corpus, made_by, search.upload))
            if vector is None:
                raise UserError("the file that was dropped in is no longer here: drop it again")
            return vector, None
        if search.video:
            contents, vectors = retriever.read_vectors([search.video])
            return vectors, contents[0]
        return to_unit_length(retriever.embed_prompts([Prompt("0", search.text or "")])), None

    return _Query(name, *session.queries.find((corpus, name), embed))


def _build_videos(session: Session, corpus: str, hits: list[Hit]) -> list[Video]:
    rows = {row["id"]: row for row in read_videos(session.now, corpus, [h.video_id for h in hits])}
    return [build_video(rows[hit.video_id], hit) for hit in hits if hit.video_id in rows]
