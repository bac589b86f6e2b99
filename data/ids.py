"""Names for files and corpora that no id can use to leave its folder."""

import hashlib
import re
from urllib.parse import quote, unquote

from data.errors import UserError

LONGEST = 180  # bytes: under every file system's 255 with room for a suffix
CORPUS = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def file_name(id: str) -> str:
    """A file name (without suffix) for any id: percent-encoded, hashed at the end where too long.

    Distinct ids give distinct names; `/`, `.` and control characters never appear in one.
    """
    name = quote(id, safe="").replace(".", "%2E").replace("~", "%7E") or "%"
    if len(name) <= LONGEST:
        return name
    digest = hashlib.sha256(id.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return f"{name[: LONGEST - 33]}~{digest}"


def from_file_name(name: str) -> str:
    """The id that `file_name` encoded; names that end in a hash cannot be read back."""
    return "" if name == "%" else unquote(name)


def corpus_name(name: str) -> str:
    """The name itself where it can be a folder's; a UserError where it cannot."""
    if not CORPUS.fullmatch(name) or ".." in name:
        raise UserError(
            f"{name!r} cannot name a corpus: use letters, digits, '.', '_' and '-', 64 at most"
        )
    return name
