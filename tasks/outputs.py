"""Output files that a user names: a path on this machine, or a URL of an object store."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from data.errors import UserError
from data.store.storage import Store
from data.store.temporary import TemporaryFolder
from engines.files.urls import is_url


@contextmanager
def open_output(out: str) -> Iterator[Path]:
    """The path to write the file to; files that belong to it go into the same folder.

    If `out` is a URL, everything is uploaded once the block ends without an error.
    """
    if not is_url(out):
        yield Path(out).absolute()
        return
    folder, _, name = out.rpartition("/")
    with TemporaryFolder() as local_folder:
        file = Path(local_folder, name)
        yield file
        paths = Path(local_folder).rglob("*")
        attachments = sorted(path for path in paths if path.is_file() and path != file)
        store = Store(folder)
        # The file itself comes last: whoever finds it finds what it refers to.
        for path in (*attachments, file):
            remote_name = str(path.relative_to(local_folder))
            with store.create(remote_name) as target, path.open("rb") as source:
                shutil.copyfileobj(source, target, 1 << 22)


def to_final_paths(result: dict[str, Any], out: str) -> dict[str, Any]:
    """A result whose paths in the temporary folder are replaced by their URLs, if `out` is one."""
    if not is_url(out):
        return result
    folder = out.rpartition("/")[0]
    # Nobody can open a path in a temporary folder, which is gone by now.
    names = {key: value.name for key, value in result.items() if isinstance(value, Path)}
    return result | {key: f"{folder}/{name}" for key, name in names.items()}


def resolve_output(out: str) -> Path | str:
    """The output's absolute path, or its URL."""
    return out if is_url(out) else Path(out).absolute()


def require_local(out: str) -> Path:
    """The output's absolute path; a UserError for a URL."""
    if is_url(out):
        raise UserError(f"cannot write to {out}: name a file on this machine, then copy it there")
    return Path(out).absolute()
