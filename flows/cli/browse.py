"""The panel "Look around": a page over a store."""

import os
import webbrowser
from typing import Annotated, Literal

from data.settings import Settings
from flows.cli.app import open_panel
from flows.cli.console import escape
from flows.cli.console import out as out_console
from flows.cli.options import Corpus, Root, open_store, opt

command = open_panel("Look around")
PASSWORD = "REELFLOW_BROWSE_PASSWORD"  # noqa: S105 (its name)


@command()
def browse(
    port: Annotated[
        int, opt("--port", "Port to listen on, or the next one that is free.", min=0, max=65535)
    ] = 4300,
    host: Annotated[
        str, opt("--host", f"Address to listen on; others than this machine need {PASSWORD}.")
    ] = "127.0.0.1",
    open_page: Annotated[bool, opt("--open", "Open the page in this machine's browser.")] = False,
    root: Root = None,
) -> None:  # fmt: skip
    """Serve a page to look around a store: search as you type, filter, play, select, export."""
    from tasks.browse.server import serve_page

    def tell(url: str) -> None:
        out_console().print(f"{url}   (Ctrl-C ends it)")
        if open_page:
            webbrowser.open(url)

    serve_page(Settings(), host, port, os.environ.get(PASSWORD), tell)


@command()
def select(
    corpus: Corpus,
    out: Annotated[str, opt("--out", "File to write.")],
    kind: Annotated[
        Literal["table", "prompts", "ids"],
        opt("--as", "A Parquet table to ingest, captions as prompts, or ids to exclude."),
    ] = "table",
    where: Annotated[str | None, opt("--where", "SQL condition on the videos.")] = None,
    ids: Annotated[str | None, opt("--ids", "Only videos of this file of ids.")] = None,
    text: Annotated[str | None, opt("--text", "Only the best for this text.")] = None,
    video: Annotated[str | None, opt("--video", "Only those most like this video, by id.")] = None,
    k: Annotated[int, opt("-k, --k", "How many a search selects.", min=1)] = 48,
    root: Root = None,
) -> None:  # fmt: skip
    """Write videos of a corpus as a table, as prompts, or as ids: what the page exports."""
    from tasks.browse.select_videos import select_videos

    count = select_videos(
        open_store(), corpus, kind, out, where=where, ids=ids, text=text, video=video, k=k
    )
    out_console().print(f"{count:,} rows in {escape(out)}")
