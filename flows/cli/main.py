"""The command `reelflow`: parses, runs a flow, and turns errors into one line and an exit code."""

import atexit
import logging
import os
import sys

import typer

from data.errors import UserError
from data.secrets import has_secret
from flows.cli.app import app, register_commands

PREFECT_LOGGERS = ("APILogWorker", "EventsWorker")  # not covered by Prefect's own log settings


def main() -> None:
    """Runs the command line. Exit codes: 0 done, 1 failed (one line on stderr), 2 wrong usage."""
    atexit.register(_silence_exit)  # registered first, runs last
    debug = "--debug" in sys.argv
    arguments = [word for word in sys.argv[1:] if word != "--debug"]
    # Checked before Prefect stores a run's parameters, where a password would stay readable.
    if any(map(has_secret, arguments)):
        _fail("an address contains a password: set it in the environment instead")
    _quiet_prefect(debug)
    register_commands()
    _start_watchdog()
    try:
        app(arguments)  # wrong usage and interrupts end here, with their own messages and codes
    except Exception as error:
        if debug:
            raise
        _fail(_format_error(error))


def _start_watchdog() -> None:
    from tasks.service.temporary_server import start_watchdog

    start_watchdog()


def _silence_exit() -> None:
    """Hides DuckDB's list, at exit, of what a process with threads has not freed."""
    sys.stderr.flush()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def _quiet_prefect(debug: bool) -> None:
    """Hides Prefect's log, as commands have their own progress and errors; --debug shows it."""
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "INFO" if debug else "CRITICAL")
    os.environ.setdefault("PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW", "ignore")
    for name in () if debug else PREFECT_LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL)


def _format_error(error: Exception) -> str:
    text = " ".join(str(error).split())
    if isinstance(error, UserError):
        return text
    return f"{type(error).__name__}: {text[:500]} (--debug shows the traceback)"


def _fail(text: str) -> None:
    typer.echo(f"reelflow: {text}", err=True)
    raise SystemExit(1)


if __name__ == "__main__":
    main()
