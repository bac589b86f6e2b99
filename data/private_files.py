"""Files that only their owner may change, and only owner and group may read."""

import os
import stat
import tempfile
from pathlib import Path

from data.errors import UserError

# Files get 0640, folders 0750, unless the user's own mask is stricter.
MASK = 0o027
MAX_PATH = 45  # of Ray's folder: the addresses of its sockets below it have 107 bytes at most


def restrict_new_files() -> None:
    """Makes whatever this process and its children write from now on private, libraries' too."""
    os.umask(os.umask(0o077) | MASK)


def open_private_folder(name: str) -> Path:
    """A folder of this user's own (0700) in the temporary one; a UserError where it is not theirs.

    It has a short path, as sockets need, and is the same for all processes of a user.
    """
    base = tempfile.gettempdir()
    parent = Path(base if len(base) + len(name) + 8 <= MAX_PATH else "/tmp")  # noqa: S108
    folder = parent / f"{name}-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    # Anybody may have made it first, in a folder that all users share.
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
        raise UserError(f"{folder} belongs to another user: remove it, or set TMPDIR")
    folder.chmod(0o700)
    return folder
