"""The command `reelflow`: parses, runs a flow, and turns errors into one line and an exit code."""

import atexit
import gc
import logging
import os
import sys
import traceback

import typer

from data.errors import UserError
from data.secrets import has_secret
from data.visible import show_text
from flows.cli.app import app, register_commands
from flows.cli.surroundings import prepare_folders, prepare_streams

BROKEN_PIPE = 141  # 128 + SIGPIPE, as of a program that the signal ended
# Objects between collections: at Python's 700, a fifth of an import of torch or Prefect goes into
# looking through modules that stay.
COLLECT_EVERY = 50_000
PREFECT_LOGGERS = ("APILogWorker", "EventsWorker")  # not covered by Prefect's own log settings


def main() -> None:
    """Runs the command line. Exit codes: 0 done, 1 failed (one line on stderr), 2 wrong usage.

    141, without a word, where whoever read the output has gone, as in `reelflow search … | head`.
    """
    gc.set_threshold(COLLECT_EVERY)
    prepare_streams()
    atexit.register(_silence_exit)  # registered first, runs last
    try:
        _run_command("--debug" in sys.argv, [word for word in sys.argv[1:] if word != "--debug"])
    finally:
        _flush_output()


def _run_command(debug: bool, arguments: list[str]) -> None:
    # Checked before Prefect stores a run's parameters, where a password would stay readable.
    if any(map(has_secret, arguments)):
        _fail("an address contains a password: set it in the environment instead")
    _quiet_prefect(debug)
    try:
        if warning := prepare_folders():
            typer.echo(f"reelflow: {warning}", err=True)
        register_commands()
        _start_watchdog()
        app(arguments)  # wrong usage and interrupts end here, with their own messages and codes
    except Exception as error:
        if debug:
            typer.echo(show_text(traceback.format_exc(), lines=True), err=True)
        _fail(_format_error(error))


def _flush_output() -> None:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        # What is left in the buffer would raise again when Python itself flushes it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(BROKEN_PIPE) from None


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
    # Of a temporary server, which writes to this terminal whenever its database is busy.
    os.environ.setdefault("PREFECT_SERVER_LOGGING_LEVEL", "WARNING" if debug else "CRITICAL")
    os.environ.setdefault("PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW", "ignore")
    for name in () if debug else PREFECT_LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL)


def _format_error(error: Exception) -> str:
    text = " ".join(str(error).split())
    if isinstance(error, UserError):
        return text
    return f"{type(error).__name__}: {text[:500]} (--debug shows the traceback)"


def _fail(text: str) -> None:
    typer.echo(f"reelflow: {show_text(text)}", err=True)
    raise SystemExit(1)


if __name__ == "__main__":
    main()
