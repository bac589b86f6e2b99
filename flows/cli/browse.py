"""The panel "Look around": a page over a store."""

import os
import webbrowser
from typing import Annotated

from data.settings import Settings
from flows.cli.app import open_panel
from flows.cli.console import out
from flows.cli.options import Root, opt

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
        out().print(f"{url}   (Ctrl-C ends it)")
        if open_page:
            webbrowser.open(url)

    serve_page(Settings(), host, port, os.environ.get(PASSWORD), tell)
