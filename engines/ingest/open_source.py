"""Opening a source of rows, whichever kind it is."""

import pkgutil
from collections.abc import Iterator, Mapping
from itertools import chain
from types import ModuleType

from data.errors import UserError
from data.records import Row
from data.store.storage import SECRET
from engines.base import plugin
from engines.files.listing import TABLES, TARS, VIDEOS
from engines.ingest import sources


def open_source(src: str, columns: Mapping[str, str] | None = None) -> Iterator[Row]:
    """The rows of a source, read as they are asked for; the first is read at once.

    `columns` says which column holds `txt`, `videoLoc` and `videoID` where they have other names.
    A source that cannot be read, or whose address has a password, raises a UserError that says why.
    """
    if SECRET.search(src):
        raise UserError("the source's address has a password: put it into the environment")
    try:
        found = _plugin(src).rows(src, dict(columns or {}))
        first = next(found, None)
    except (OSError, UserError) as error:
        said = getattr(error, "strerror", None) or str(error)
        raise UserError(said if src in said else f"cannot read {src}: {said}") from error
    if first is None:
        raise UserError(f"{src} holds no rows: is the name right?")
    return chain([first], found)


def _plugin(src: str) -> ModuleType:
    """The first source, by name, that accepts it."""
    for name in sorted(module.name for module in pkgutil.iter_modules(sources.__path__)):
        source = plugin("ingest.sources", name)
        if source.accepts(src):
            return source
    endings = ", ".join(ending for each in (TABLES[:5], TARS[:2], VIDEOS[:5]) for ending in each)
    raise UserError(
        f"found no tables, tars or videos in {src}: name a file, folder, glob or URL of files"
        f" that end in {endings}, …"
    )
