"""The command `reelflow`: parses, runs a flow, and turns errors into one line and an exit code."""

import atexit
import logging
import os
import sys

import typer

from data.errors import UserError
from data.store.storage import SECRET

PREFECT_LOGGERS = ("APILogWorker", "EventsWorker")  # which no setting of Prefect's knows

app = typer.Typer(
    name="reelflow",
    help="Batch pipelines over large video corpora, from ingest to generated videos.",
    epilog="With any command: --debug shows Prefect's log, and where an error is from.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


def main() -> None:
    """Exit codes: 0 done, 1 failed (one line that says what to do), 2 wrong usage."""
    atexit.register(_silence)  # registered first, runs last
    debug = "--debug" in sys.argv
    arguments = [word for word in sys.argv[1:] if word != "--debug"]
    if any(SECRET.search(word) for word in arguments):  # before Prefect writes down a parameter
        _fail("an address has a password: put it into the environment")
    _quiet_prefect(debug)
    _register()
    _watch()
    try:
        app(arguments)  # wrong usage and interrupts end here, with their own lines and codes
    except Exception as error:
        if debug:
            raise
        _fail(_one_line(error))


def _watch() -> None:
    from tasks.service.temporary_server import watch

    watch()


def _silence() -> None:
    """At its end DuckDB's binding lists what a process with threads has not freed: of no use."""
    sys.stderr.flush()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def _register() -> None:
    """Importing a module of commands adds them to the app."""
    import flows.cli.backfill
    import flows.cli.benchmark
    import flows.cli.checkpoints
    import flows.cli.copying
    import flows.cli.corpora
    import flows.cli.demo
    import flows.cli.evaluate
    import flows.cli.experiment
    import flows.cli.fvd
    import flows.cli.generation
    import flows.cli.leaderboard
    import flows.cli.leaks
    import flows.cli.machine
    import flows.cli.provenance
    import flows.cli.queries
    import flows.cli.report
    import flows.cli.schedules
    import flows.cli.service
    import flows.cli.shadow
    import flows.cli.stages
    import flows.cli.top
    import flows.cli.training
    import flows.cli.upkeep  # noqa: F401
    from flows.cli.panels import arrange

    arrange(app)


def _quiet_prefect(debug: bool) -> None:
    """The command line has its own progress and errors; Prefect's log is for the UI and --debug."""
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "INFO" if debug else "CRITICAL")
    os.environ.setdefault("PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW", "ignore")
    for name in () if debug else PREFECT_LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL)


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    if isinstance(error, UserError):
        return text
    return f"{type(error).__name__}: {text[:500]} (--debug shows where)"


def _fail(text: str) -> None:
    typer.echo(f"reelflow: {text}", err=True)
    raise SystemExit(1)


if __name__ == "__main__":
    from flows.cli.main import main as imported  # commands register with the app imported by name

    imported()
