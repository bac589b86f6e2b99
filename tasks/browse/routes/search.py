"""Searches: by words, by a video, by a file that is dropped in; and how similar frames are."""

import hashlib
from pathlib import Path

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from data.errors import UserError
from data.records import Prompt
from data.shards.stages import current_stage
from data.store.temporary import TemporaryFolder
from tasks.browse.routes.common import Corpus, CurrentSession
from tasks.browse.searching import Curve, Found, Search, read_curves, search_corpus

router = APIRouter(prefix="/api/corpora/{corpus}", tags=["search"])


class Upload(BaseModel):
    """The name by which a search finds a file that was dropped in."""

    upload: str


class CurveRequest(BaseModel):
    """Videos by their ids, and the `query` of the search that found them."""

    query: str
    ids: list[str] = Field(max_length=48)


class Texts(BaseModel):
    """Texts to embed by the model of an embed stage of a corpus, by its fingerprint."""

    embed: str
    texts: list[str] = Field(max_length=256)


@router.post("/search")
def search(session: CurrentSession, corpus: Corpus, asked: Search) -> Found:
    """The videos that a text describes, or that are similar to a video or a file."""
    return search_corpus(session, corpus, asked)


@router.post("/curves")
def curves(session: CurrentSession, corpus: Corpus, asked: CurveRequest) -> list[Curve]:
    """How similar each video's stored frames are to a search, over time."""
    return read_curves(session, corpus, asked.query, asked.ids)


@router.post("/upload")
async def upload(session: CurrentSession, corpus: Corpus, request: Request) -> Upload:
    """Takes a picture or a video as the body, and embeds it for searches to come."""
    from starlette.concurrency import run_in_threadpool

    stage = current_stage(session.require_corpus(corpus).store, corpus, "embed")
    if stage is None:
        raise UserError(f"{corpus} has no vectors yet: run `reelflow run {corpus}`")
    digest = hashlib.sha256()
    with TemporaryFolder() as folder:
        file = Path(folder) / "upload"
        with file.open("wb") as target:
            async for block in request.stream():
                digest.update(block)
                target.write(block)
        name = digest.hexdigest()[:16]
        vector = await run_in_threadpool(session.models.embed_file, stage, file)
    session.queries.put((corpus, stage.fingerprint, name), vector)
    return Upload(upload=name)


@router.post("/embed")
def embed(session: CurrentSession, corpus: Corpus, asked: Texts) -> list[list[float]]:
    """Vectors of texts as the corpus's model gives them: `reelflow search` need not load it."""
    stage = current_stage(session.require_corpus(corpus).store, corpus, "embed")
    if stage is None or stage.fingerprint != asked.embed:
        raise UserError(f"{corpus} is embedded by another model now")
    prompts = [Prompt(str(number), text) for number, text in enumerate(asked.texts)]
    return session.models.embed_prompts(stage, prompts).tolist()
