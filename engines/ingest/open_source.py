"""Opens a source of rows, whichever kind it is."""

import pkgutil
from collections.abc import Iterator, Mapping
from itertools import chain
from types import ModuleType

from data.errors import UserError
from data.records import Row
from data.secrets import has_secret
from engines.base import load_plugin
from engines.files.access import STRICT, UrlPolicy
from engines.files.listing import TABLE_ENDINGS, TAR_ENDINGS, VIDEO_ENDINGS
from engines.files.urls import parse_file_url
from engines.ingest import sources


def open_source(
    source: str, columns: Mapping[str, str] | None = None, policy: UrlPolicy = STRICT
) -> Iterator[Row]:
    """The rows of a source, read as they are consumed.

    `columns` gives the source's names of the columns `txt`, `videoLoc` and `videoID`. Raises a
    UserError at once where the source cannot be read, has no rows, or has a password in its
    address.
    """
    # Addresses of sources are written into the store, and shown on pages.
    if has_secret(source):
        raise UserError(
            "the source's address has a password, token or signature: put it into the environment,"
            " or name a file without one"
        )
    source = parse_file_url(source) or source
    rows = _read_rows(source, columns, policy)
    # Read now, so that a wrong name fails before anything is written for this source.
    first = next(rows, None)
    if first is None:
        raise UserError(f"{source} has no rows: check its name")
    return chain([first], rows)


def _read_rows(source: str, columns: Mapping[str, str] | None, policy: UrlPolicy) -> Iterator[Row]:
    """The plugin's rows; a UserError with the source's name where reading it fails, at any row."""
    try:
        yield from _find_plugin(source, policy).read_rows(source, dict(columns or {}), policy)
    except (OSError, UserError) as error:
        detail = getattr(error, "strerror", None) or str(error)
        raise UserError(
            detail if source in detail else f"cannot read {source}: {detail}"
        ) from error


def _find_plugin(source: str, policy: UrlPolicy) -> ModuleType:
    """The first plugin, by name, that accepts the source."""
    # Sorted, so that a source is read by the same plugin on every machine.
    for name in sorted(module.name for module in pkgutil.iter_modules(sources.__path__)):
        plugin = load_plugin("ingest.sources", name)
        if plugin.accepts(source, policy):
            return plugin
    kinds = (TABLE_ENDINGS[:5], TAR_ENDINGS[:2], VIDEO_ENDINGS[:5])
    endings = ", ".join(ending for kind in kinds for ending in kind)
    raise UserError(
        f"found no tables, tars or videos in {source}: name a file, folder, glob or URL of files"
        f" that end in {endings}, …"
    )
