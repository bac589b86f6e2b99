"""Pictures, previews and files of videos that the store lists, and of no other address."""

from typing import Annotated

from fastapi import APIRouter, Header, Query
from starlette.responses import Response

from tasks.browse import media
from tasks.browse.routes.common import Corpus, CurrentSession
from tasks.browse.videos import read_video

router = APIRouter(prefix="/media/{corpus}", tags=["media"])
Seconds = Annotated[float, Query(ge=0, le=1e6, description="Seconds from the video's start.")]
Range = Annotated[str | None, Header()]


@router.get("/still", response_class=Response)
def still(session: CurrentSession, corpus: Corpus, id: str, t: Seconds = 0.0) -> Response:
    """A JPEG of a video's frame at a time."""
    row = read_video(session.require_corpus(corpus), corpus, id)
    return media.send_bytes(media.draw_still(session, row, t), "image/jpeg", None)


@router.get("/preview", response_class=Response)
def preview(
    session: CurrentSession, corpus: Corpus, id: str, t: Seconds = 0.0, range: Range = None
) -> Response:
    """Three seconds of a video as a small mp4, whatever its own format is."""
    row = read_video(session.require_corpus(corpus), corpus, id)
    return media.send_bytes(media.write_preview(session, row, t), "video/mp4", range)


@router.get("/file", response_class=Response)
def file(session: CurrentSession, corpus: Corpus, id: str, range: Range = None) -> Response:
    """A video's own bytes, by ranges."""
    row = read_video(session.require_corpus(corpus), corpus, id)
    return media.send_file(session, row, range)
