"""The application: routes, the page's own files, and errors in plain words."""

from collections.abc import Collection
from importlib.metadata import version
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.responses import FileResponse, Response

from data.errors import UserError
from engines.browse.pictures import NotShown
from tasks.browse.access import Access
from tasks.browse.body_limit import BodyLimit
from tasks.browse.routes import health, maps, media, overview, search, videos
from tasks.browse.session import Session

PAGE = Path(__file__).parent / "page"
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript",
         ".svg": "image/svg+xml", ".webmanifest": "application/manifest+json"}  # fmt: skip
FILES = {file.name: file for file in sorted(PAGE.iterdir()) if file.suffix in TYPES}


def create_app(
    session: Session, names: Collection[str], password: str | None, token: str
) -> FastAPI:
    """The page over a session; see `Access` for who may use it."""
    # Without FastAPI's own pages of documentation, which load scripts from elsewhere.
    app = FastAPI(
        title="reelflow browse", version=version("reelflow"), docs_url=None, redoc_url=None,
        description="Looks around a store of reelflow; nothing here writes to it.",
    )  # fmt: skip
    app.state.session = session
    for each in (overview, videos, search, maps, health, media):
        app.include_router(each.router)
    app.add_api_route("/", _send_index, include_in_schema=False)
    app.add_api_route("/page/{name}", _send_page_file, include_in_schema=False)
    app.add_exception_handler(UserError, _tell_error)
    app.add_exception_handler(NotShown, _tell_error)
    app.add_middleware(BodyLimit)
    app.add_middleware(Access, names=names, password=password, token=token)
    return app


def _send_index() -> Response:
    return _send_page_file("index.html")


def _send_page_file(name: str) -> Response:
    if name not in FILES:
        return JSONResponse({"detail": "no such file"}, 404)
    headers = {"Cache-Control": "no-cache"}  # asked for again, and answered by its stamp
    return FileResponse(FILES[name], media_type=TYPES[FILES[name].suffix], headers=headers)


async def _tell_error(request: Request, error: Exception) -> JSONResponse:
    if isinstance(error, NotShown):
        return JSONResponse({"detail": str(error), "reason": error.reason}, 404)
    return JSONResponse({"detail": str(error), "reason": "user"}, 400)
