"""Coverage, failures, runs, and the pages of runs, experiments and evaluations."""

from fastapi import APIRouter
from starlette.responses import FileResponse, RedirectResponse, Response

from tasks.browse.health import Health, Runs, read_health, read_runs
from tasks.browse.pages import PAGE, TYPES, check_name, find_file, write_page
from tasks.browse.routes.common import Corpus, CurrentSession

# A page brings its own policy, and shows videos that lie beside it.
HEADERS = {"Content-Security-Policy": "frame-ancestors 'none'", "Cache-Control": "no-cache"}

router = APIRouter(tags=["health and runs"])


@router.get("/api/corpora/{corpus}/health")
def health(session: CurrentSession, corpus: Corpus) -> Health:
    """How far each stage is, and what failed, by reason, with the command that tries again."""
    return read_health(session, corpus)


@router.get("/api/runs")
def runs(session: CurrentSession) -> Runs:
    """Runs of generation, and the pages that the store can show."""
    return read_runs(session)


@router.get("/pages/{kind}/{name}", response_class=Response)
def page(kind: str, name: str) -> Response:
    """Leads to the page of a run, an experiment, an evaluation, or the leaderboard."""
    check_name(kind, name)
    return RedirectResponse(f"/pages/{kind}/{name}/{PAGE}")


@router.get("/pages/{kind}/{name}/{file:path}", response_class=Response)
def page_file(session: CurrentSession, kind: str, name: str, file: str) -> Response:
    """A page, or a file that it shows."""
    found = find_file(write_page(session, kind, name), file)
    return FileResponse(found, media_type=TYPES[found.suffix], headers=HEADERS)
