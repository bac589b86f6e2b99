"""What a command needs around it: open standard streams, a home folder, a temporary folder."""

import os
import stat
import sys
import tempfile
from pathlib import Path

from data.errors import UserError

STREAMS = (("stdin", "r"), ("stdout", "w"), ("stderr", "w"))


def prepare_streams() -> None:
    """Opens standard streams that the caller closed, and lets every character be printed.

    Characters that the terminal's encoding lacks are written as escapes.
    """
    for number, (name, mode) in enumerate(STREAMS):
        if getattr(sys, name) is None:
            _occupy(number)
            setattr(sys, name, os.fdopen(number, mode, closefd=False))
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _occupy(number: int) -> None:
    # The next file that anybody opens would get this number, and what is printed would go into it.
    null = os.open(os.devnull, os.O_RDWR)
    if null != number:
        os.dup2(null, number)
        os.close(null)


def prepare_folders() -> str | None:
    """Checks that the temporary folder and the home folder can be written to.

    Without a usable home folder, Prefect and Ray get a private one in the temporary folder, and
    the text that says so is returned. A UserError where that is impossible too.
    """
    if os.environ.get("TMPDIR") and not _can_write(Path(os.environ["TMPDIR"])):
        raise UserError(
            f"cannot write to TMPDIR ({os.environ['TMPDIR']}): free space or correct it"
        )
    try:
        temporary = Path(tempfile.gettempdir())
    except OSError:
        raise UserError(
            "no temporary folder can be written to: free space in /tmp, or set TMPDIR"
        ) from None
    home = Path(os.path.expanduser("~"))
    if _can_write(home):
        _prepare_prefect_home()
        return None
    private = temporary / f"reelflow-home-{os.getuid()}"
    _make_private(private)
    os.environ["HOME"] = str(private)
    _prepare_prefect_home()
    return f"cannot write to HOME ({home}): using {private}; set HOME to a folder of your own"


def _prepare_prefect_home() -> None:
    # Prefect makes this folder, but none above it.
    if folder := os.environ.get("PREFECT_HOME"):
        try:
            Path(folder).expanduser().mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"cannot write to PREFECT_HOME ({folder}): {error.strerror}") from error


def _make_private(folder: Path) -> None:
    """Makes a folder that only this user can enter, or raises a UserError."""
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    # The temporary folder is shared: another user may have put a folder or a link of theirs there.
    is_ours = stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid()
    if not is_ours or status.st_mode & 0o077:
        raise UserError(f"{folder} is not a private folder: remove it, or set HOME")


def _can_write(folder: Path) -> bool:
    """Whether a byte can be written there: permissions alone say nothing of a full disk."""
    try:
        with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
            file.write(b"0")
    except OSError:
        return False
    return True
