"""What all static pages share: templates, the figures at the top, atomic writing, media links."""

import base64
import hashlib
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from data.store.disk_errors import translate_disk_errors
from data.store.storage import Store
from data.visible import show_text
from engines.files.time_span import add_span, split_span

if TYPE_CHECKING:
    from jinja2 import Environment


# One script runs, the page's own, by its digest; nothing else is fetched but pictures and videos.
POLICY = (
    "default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline';"
    " img-src 'self' file: data:; media-src 'self' file: http: https:; base-uri 'none';"
    " form-action 'none'"
)


@dataclass(frozen=True, slots=True)
class Figure:
    """One number at the top of a page, as text."""

    label: str
    value: str
    unit: str = ""
    note: str = ""


def render_template(template: str, page: object) -> str:
    """Renders a page as one HTML file; only its videos and images are separate files."""
    return _load_templates().get_template(template).render(page=page)


def write_html(path: Path, html: str) -> None:
    """Writes a page atomically: a reader sees the old page or the new one, never half of one."""
    replace_file(path, lambda draft: draft.write_text(html, encoding="utf-8"))


def replace_file(path: Path, make: Callable[[Path], object]) -> None:
    """Calls `make` with a temporary path, then moves the file that it wrote into place."""
    # Names may be as long as the file system allows: the draft's must not be longer.
    draft = path.with_name(f".{path.name[:80]}.tmp")
    with translate_disk_errors(str(path.parent)):
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.unlink(missing_ok=True)  # of a killed run; `os.link` refuses an existing name
        make(draft)
        os.replace(draft, path)


def format_time(stamp: str) -> str:
    """Formats a record's time, "2026-01-31T02:00:00+00:00", as "2026-01-31 02:00 UTC"."""
    return f"{stamp[:16].replace('T', ' ')} UTC" if "T" in stamp else stamp


def link_uri(uri: str, page: Path) -> str | None:
    """Returns the link by which a page at this path plays a clip; None if no browser can read it.

    Of a span, browsers play from where it begins to its end.

    Schemes other than http(s) are not linked: `javascript:` would run as code of the page.
    """
    if uri.startswith(("http://", "https://")):
        return uri
    # s3:// and the like are no links either: browsers cannot read them.
    if urlsplit(uri).scheme or not os.path.isabs(uri):
        return None
    file, span = split_span(uri)
    return add_span(quote(os.path.relpath(file, page.resolve().parent)), span)


def link_media(store: Store, name: str, page: Path) -> str:
    """Returns the link by which a page at this path plays a video of the store.

    A page inside the store links to the video. Any other page gets a copy of it (a hard link
    where possible) in its own folder `<page>_files`, so that both can be moved together.
    """
    if store.is_local and page.resolve().is_relative_to(store.local_path("").resolve()):
        return quote(os.path.relpath(store.local_path(name).resolve(), page.resolve().parent))
    copy = page.with_name(f"{page.stem}_files") / name
    replace_file(copy, lambda draft: _copy_file(store, name, draft))
    return quote(str(copy.relative_to(page.parent)))


def _copy_file(store: Store, name: str, target: Path) -> None:
    if store.is_local:
        # Another disk, or a file system without hard links, falls back to copying.
        with suppress(OSError):
            return os.link(store.path(name), target)
    with store.open(name) as file, target.open("wb") as out:
        shutil.copyfileobj(file, out)


@cache
def _load_templates() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    # Prompts, captions and ids come from users: everything is escaped, and a typo raises.
    templates = Environment(
        loader=PackageLoader("engines.report"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, finalize=_show_value,
    )  # fmt: skip
    script = templates.get_template("page.js").render()
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    own = Markup(script)  # noqa: S704 (a file of ours)
    templates.globals |= {"script": own, "policy": POLICY.format(digest=digest)}
    return templates


def _show_value(value: object) -> object:
    """A value as a page shows it; a template's own HTML stays as it is."""
    return show_text(value, lines=True) if type(value) is str else value
