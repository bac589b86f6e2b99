"""File and corpus names that cannot lead out of their folder, whatever the id."""

import hashlib
import re
from urllib.parse import quote, unquote

from data.errors import UserError

MAX_NAME_BYTES = 180  # every file system allows 255: this leaves room for a suffix
CORPUS_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def file_name(id: str) -> str:
    """A file name (without suffix) for any id: percent-encoded, hashed at the end if too long.

    Distinct ids give distinct names; `/`, `.` and control characters never appear in one.
    """
    # `quote` leaves "." and "~" alone: "." would name folders, and "~" marks a hash below.
    name = quote(id, safe="").replace(".", "%2E").replace("~", "%7E") or "%"
    if len(name) <= MAX_NAME_BYTES:
        return name
    digest = hashlib.sha256(id.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return f"{name[: MAX_NAME_BYTES - 33]}~{digest}"


def decode_file_name(name: str) -> str:
    """The id that `file_name` encoded; names that end in a hash cannot be decoded."""
    return "" if name == "%" else unquote(name)


def check_corpus_name(name: str) -> str:
    """The name itself if it can be a folder's; a UserError if it cannot."""
    if not CORPUS_NAME.fullmatch(name) or ".." in name:
        raise UserError(
            f"invalid corpus name {name!r}: use letters, digits, '.', '_' and '-', 64 at most"
        )
    return name
