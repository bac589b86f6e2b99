"""Weights files that are broken: every library fails in its own way, users get one error."""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from data.errors import UserError
from engines.memory import is_out_of_memory

MAX_RATIO = 20  # of unpacked to packed bytes; checkpoints are stored, not packed
FREE_BYTES = 64 << 20  # that any archive may unpack to
POINTER = b"version https://git-lfs"


@contextmanager
def open_weights(file: str | Path | None) -> Iterator[None]:
    """Checks a weights file, and turns what the block raises of it into a UserError with its name.

    None, and a folder of several files, are only covered for the block.
    """
    if file is not None and not Path(file).is_dir():
        check_weights_file(file)
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        if file is None or is_out_of_memory(error):  # no fault of the file
            raise
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        raise UserError(
            f"cannot load {file}: it is damaged, or not the weights of this model ({reason});"
            " download it again"
        ) from error


def check_weights_file(file: str | Path) -> None:
    """Raises a UserError for what cannot be a weights file, and for an archive without measure."""
    path = Path(file)
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise UserError(f"{file} {what}: give the path of a weights file")
    size = path.stat().st_size
    with path.open("rb") as opened:
        head = opened.read(512).lstrip().lower()
    if not size:
        raise UserError(f"{file} is empty: download it again")
    if head.startswith((b"<!doctype", b"<html", b"<?xml")):
        raise UserError(f"{file} is a web page and not weights: download it again")
    if head.startswith(POINTER):
        raise UserError(
            f"{file} is a pointer of Git LFS: fetch the file itself with `git lfs pull`"
        )
    if zipfile.is_zipfile(path):
        _check_archive(path, size)


def _check_archive(path: Path, size: int) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
    except Exception as error:  # a forged directory fails in any way
        raise UserError(f"{path} is a damaged archive ({error}): download it again") from error
    if unpacked > MAX_RATIO * size + FREE_BYTES:
        raise UserError(f"{path} would unpack to {unpacked / 2**30:,.1f} GB: it is not loaded")
