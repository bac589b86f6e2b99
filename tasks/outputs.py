"""Files that a person asks for: on this machine, or at the URL of an object store."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from data.errors import UserError
from data.store.storage import Store
from data.store.temporary import Temporary
from engines.files.media import is_url


@contextmanager
def output(out: str) -> Iterator[Path]:
    """Where to write the file, and what comes with it, into the same folder.

    Where `out` is a URL, all of it is uploaded once the block has ended without an error: the file
    last, so that whoever finds it finds the rest.
    """
    if not is_url(out):
        yield Path(out).absolute()
        return
    folder, _, name = out.rpartition("/")
    with Temporary() as made:
        file = Path(made, name)
        yield file
        beside = [each for each in Path(made).rglob("*") if each.is_file() and each != file]
        store = Store(folder)
        for each in (*sorted(beside), file):
            with store.create(str(each.relative_to(made))) as there, each.open("rb") as here:
                shutil.copyfileobj(here, there, 1 << 22)


def placed(said: dict[str, Any], out: str) -> dict[str, Any]:
    """What is said of an output, with its files where they are now."""
    if not is_url(out):
        return said
    folder = out.rpartition("/")[0]
    names = {key: value.name for key, value in said.items() if isinstance(value, Path)}
    return said | {key: f"{folder}/{name}" for key, name in names.items()}


def located(out: str) -> Path | str:
    """An output as it is found again: its whole path, or its URL."""
    return out if is_url(out) else Path(out).absolute()


def here(out: str) -> Path:
    """The file on this machine; a UserError for a URL."""
    if is_url(out):
        raise UserError(f"cannot write {out}: name a file on this machine, then copy it there")
    return Path(out).absolute()
