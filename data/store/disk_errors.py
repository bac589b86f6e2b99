"""A disk's faults as errors that say what to do."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from data.errors import UserError

DISK_FULL_ERRNOS = {errno.ENOSPC, errno.EDQUOT}
WRITE_DENIED_ERRNOS = {errno.EROFS, errno.EACCES, errno.EPERM}


def disk_full_error(folder: str) -> UserError:
    """The error for a full disk."""
    return UserError(
        f"no room left in {folder}: free some space, then run the same command again"
        " (finished work is kept)"
    )


@contextmanager
def translate_disk_errors(root: str) -> Iterator[None]:
    """Turns a full disk or missing permissions in the block into a UserError."""
    try:
        yield
    except OSError as error:
        if error.errno in DISK_FULL_ERRNOS:
            raise disk_full_error(root) from error
        # An object store's PermissionError has no error number.
        if error.errno in WRITE_DENIED_ERRNOS or isinstance(error, PermissionError):
            cause = error.strerror or error
            raise UserError(f"cannot write to {root}: {cause}; fix its permissions") from error
        raise
