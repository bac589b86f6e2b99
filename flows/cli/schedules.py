"""The command that has a corpus brought up to date by itself."""

from typing import Annotated

import typer

from data.settings import Settings
from flows.cli.console import out
from flows.cli.main import app
from flows.cli.options import Corpus, Root, columns, open_store
from flows.cli.stages import Columns


@app.command()
def schedule(
    corpus: Corpus,
    cron: Annotated[
        str, typer.Option("--cron", help="Minute, hour, day, month, weekday.")
    ] = "0 2 * * *",
    timezone: Annotated[str, typer.Option("--timezone", help="As Europe/Berlin.")] = "UTC",
    source: Annotated[
        str | None, typer.Option("--source", help="What to ingest; default: as the last time.")
    ] = None,
    column: Columns = None,
    off: Annotated[bool, typer.Option("--off", help="No more.")] = False,
    root: Root = None,
) -> None:  # fmt: skip
    """Bring a corpus up to date at set times, as it was made last: by `nightly`, on a worker."""
    from tasks.service.schedules import schedule as begin
    from tasks.service.schedules import unschedule
    from tasks.service.server import address

    url = address(Settings())
    if off:
        ended = unschedule(url, corpus)
        return out().print(f"{corpus} is brought up to date no more" if ended else "it had none")
    parameters = begin(open_store(), url, corpus, cron, timezone, source, columns(column))
    from_where = parameters["source"] or "nowhere: only what is there is gone on with"
    out().print(f"{corpus} is brought up to date at {cron} ({timezone}), from {from_where}")
    out().print("what comes next: reelflow top")
