"""Which weights a spec means, and the digest that stands for them."""

import hashlib
from functools import lru_cache
from pathlib import Path

from data.errors import UserError


def file_digest(path: str) -> str:
    """SHA-256 of a file; read once for each state of it."""
    stat = Path(path).stat()
    return _digest(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=64)
def _digest(path: str, size: int, modified: int) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_path(weights: str) -> bool:
    """Whether the text names a file rather than a published tag."""
    return "/" in weights or Path(weights).suffix in (".safetensors", ".pt", ".pth", ".bin", ".npz")


def existing(weights: str) -> str:
    """The path itself; a UserError where no file lies there."""
    if not Path(weights).is_file():
        raise UserError(f"no weights file {weights}: give the path of one, or a published tag")
    return weights
