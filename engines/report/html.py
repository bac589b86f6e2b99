"""What every static page shares: its template, the figures of its head, where its videos are."""

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from data.store.storage import Store, disk_faults

if TYPE_CHECKING:
    from jinja2 import Environment


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of a page's head, as it is shown."""

    label: str
    value: str
    unit: str = ""
    note: str = ""


def render(template: str, page: object) -> str:
    """The page as HTML, whole in itself but for the videos."""
    return _templates().get_template(template).render(page=page)


def write(path: Path, html: str) -> None:
    """Writes the page; it is there whole or as it was before."""
    put(path, lambda draft: draft.write_text(html, encoding="utf-8"))


def put(path: Path, make: Callable[[Path], object]) -> None:
    """Has a file made under another name, and moves it into place."""
    draft = path.with_name(f".{path.name[:80]}.tmp")
    with disk_faults(str(path.parent)):
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.unlink(missing_ok=True)
        make(draft)
        os.replace(draft, path)


def source(uri: str, page: Path) -> str | None:
    """What a page at this path writes to play the clip; None where no browser could read it."""
    if uri.startswith(("http://", "https://")):
        return uri
    if urlsplit(uri).scheme or not os.path.isabs(uri):
        return None
    return quote(os.path.relpath(uri, page.resolve().parent))


def own(store: Store, name: str, page: Path) -> str:
    """What a page at this path writes to play a video of the store.

    A page in the store links to it; any other gets it into its own folder, `<page>_files`.
    """
    if store.is_local and page.resolve().is_relative_to(store.local("").resolve()):
        return quote(os.path.relpath(store.local(name).resolve(), page.resolve().parent))
    copy = page.with_name(f"{page.stem}_files") / name
    put(copy, lambda draft: _fetch(store, name, draft))
    return quote(str(copy.relative_to(page.parent)))


def _fetch(store: Store, name: str, target: Path) -> None:
    if store.is_local:
        with suppress(OSError):  # another disk, or one without links
            return os.link(store.path(name), target)
    with store.open(name) as file, target.open("wb") as out:
        shutil.copyfileobj(file, out)


@cache
def _templates() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("engines.report"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
