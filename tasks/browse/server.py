"""Serves the page: binds the address, tells where it is, and follows the store until it ends."""

import os
import secrets
import socket
from collections.abc import Callable

from data.errors import UserError
from data.settings import Settings
from tasks.browse.access import LOCAL_NAMES
from tasks.browse.app import create_app
from tasks.browse.running import RunningPage, announce_page
from tasks.browse.session import Session

PORTS_TRIED = 20


def serve_page(
    settings: Settings, host: str, port: int, password: str | None,
    on_ready: Callable[[str], None],
) -> None:  # fmt: skip
    """Serves until interrupted. `on_ready` gets the address once it answers.

    A UserError where others could reach the page and it has no password.
    """
    import uvicorn

    if host not in LOCAL_NAMES and not password:
        raise UserError(
            f"{host} can be reached by others: set REELFLOW_BROWSE_PASSWORD to a password first"
        )
    listener = _bind(host, port)
    port = listener.getsockname()[1]
    url, token = f"http://{_show_host(host)}:{port}", secrets.token_urlsafe(24)
    session = Session(settings)
    app = create_app(session, LOCAL_NAMES | {host.lower()}, password or None, token)
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, server_header=False,
        timeout_graceful_shutdown=1,
    )  # fmt: skip
    session.start()
    try:
        with announce_page(session.workspace.store.root, RunningPage(url, token, os.getpid())):
            on_ready(url)
            uvicorn.Server(config).run(sockets=[listener])
    finally:
        session.close()
        listener.close()


def _show_host(host: str) -> str:
    """The host of an address at which the page answers that listens on `host`."""
    if host in ("0.0.0.0", "::", "localhost"):  # noqa: S104
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def _bind(host: str, port: int) -> socket.socket:
    """A listening socket on the port, or on the next one that is free."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for each in range(port, port + PORTS_TRIED) if port else [0]:
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, each))
            listener.listen(128)
            return listener
        except OSError as error:
            listener.close()
            fault = error
    raise UserError(f"cannot listen on {host}:{port}: {fault.strerror}; choose another --port")
