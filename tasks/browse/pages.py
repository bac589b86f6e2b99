"""Pages of runs, experiments, evaluations, refinements and the leaderboard, made on demand."""

import re
import shutil
import threading
from pathlib import Path
from urllib.parse import quote

from data.errors import UserError
from data.snapshot import SnapshotWorkspace
from data.store import layout
from engines.files.time_span import add_span, split_span
from tasks.browse.session import Session
from tasks.report.leaderboard import read_board, write_leaderboard
from tasks.report.run import write_report

KINDS = {"generations": layout.GENERATIONS, "experiments": layout.EXPERIMENTS,
         "evaluations": layout.EVALUATIONS, "refinements": layout.REFINEMENTS}  # fmt: skip
LEADERBOARD = "leaderboard"
NAME = re.compile(r"[A-Za-z0-9]{1,64}")
PAGE = "index.html"
_writing = threading.Lock()
TYPES = {".html": "text/html", ".mp4": "video/mp4", ".jpg": "image/jpeg", ".png": "image/png",
         ".webm": "video/webm", ".gif": "image/gif"}  # fmt: skip


def write_page(session: Session, kind: str, name: str) -> Path:
    """The folder of a page, which is written anew once the store has changed."""
    now = session.now
    folder = session.folder / "pages" / kind / name

    def write() -> Path:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        _write(now, kind, name, folder / PAGE)
        return folder

    check_name(kind, name)  # before anything is removed: each is the name of a folder
    with _writing:  # two who open it at once get one
        return session.results.find(("page", now.number, kind, name), write)


def check_name(kind: str, name: str) -> None:
    """A UserError unless a page may be called so."""
    if not NAME.fullmatch(name) or kind not in (*KINDS, LEADERBOARD):
        raise UserError("there is no such page")


def link_clip(corpus: str, id: str, uri: str) -> str:
    """The address at which this page plays a video of a corpus."""
    address = f"/media/{quote(corpus, safe='')}/file?id={quote(id, safe='')}"
    return add_span(address, split_span(uri)[1])


def find_file(folder: Path, name: str) -> Path:
    """A file of a page by its name below the page's folder; a UserError for any other."""
    file = (folder / name).resolve()
    if not file.is_relative_to(folder.resolve()) or file.suffix not in TYPES or not file.is_file():
        raise UserError("there is no such file")
    return file


def _write(now: SnapshotWorkspace, kind: str, name: str, page: Path) -> None:
    if kind == LEADERBOARD:
        write_leaderboard(now, read_board(now, group=True), page)
        return
    folder = f"{KINDS[kind]}/{name}"
    if folder not in now.store.list_names(KINDS[kind]):
        raise UserError(f"there is no {kind} {name}")
    write_report(now, folder, page, link_clip)
