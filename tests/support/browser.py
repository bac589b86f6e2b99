"""Looks at a page as a person would: in headless Chromium, as it plays."""

import itertools
import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from websockets.sync.client import ClientConnection, connect

NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next((path for name in NAMES if (path := shutil.which(name))), None)
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage", "--remote-debugging-port=0",
)  # fmt: skip
PATIENCE_S = 90.0


class Tab:
    """An open page; `complaints` is what its console said of errors."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket, self._numbers = socket, itertools.count(1)
        self.complaints: list[dict[str, Any]] = []

    def show(self, page: Path, width: int, height: int = 900) -> None:
        """Opens a page afresh, in a window of this size."""
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height,
                 deviceScaleFactor=1, mobile=False)  # fmt: skip
        self.ask("Page.navigate", url="about:blank")
        self.complaints.clear()
        self.ask("Page.navigate", url=page.as_uri())

    def ask(self, method: str, **parameters: Any) -> Any:
        """The answer to one command of the DevTools protocol."""
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            said = json.loads(self._socket.recv(timeout=PATIENCE_S))
            if said.get("id") == number:
                return said["result"]
            if said["method"] in ("Runtime.exceptionThrown", "Log.entryAdded"):
                self.complaints.append(said["params"])

    def look(self, script: str) -> Any:
        """The value of a JavaScript expression; None where it has none."""
        answer = self.ask("Runtime.evaluate", expression=script, returnByValue=True)
        return answer["result"].get("value")

    def until(self, script: str, fits: Callable[[Any], bool]) -> Any:
        """The value of the expression once it fits, or the last one after a while."""
        due = time.monotonic() + PATIENCE_S
        while not fits(seen := self.look(script)) and time.monotonic() < due:
            time.sleep(0.2)
        return seen


@contextmanager
def opened(page: Path, profile: Path, width: int, height: int = 900) -> Iterator[Tab]:
    """The page in a window of this size."""
    command = [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", "about:blank"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with connect(
            _address(profile), max_size=None, open_timeout=PATIENCE_S, ping_interval=None
        ) as socket:
            tab = Tab(socket)
            for domain in ("Runtime", "Log", "Page"):
                tab.ask(f"{domain}.enable")
            tab.show(page, width, height)
            yield tab
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


def _address(profile: Path) -> str:
    """Where the browser's first tab listens; the browser writes its port into its profile."""
    file, due = profile / "DevToolsActivePort", time.monotonic() + PATIENCE_S
    while not (file.exists() and file.read_text().count("\n")):
        assert time.monotonic() < due, "the browser did not start"
        time.sleep(0.1)
    port = file.read_text().splitlines()[0]
    while True:
        with urlopen(f"http://127.0.0.1:{port}/json") as answer:
            tabs = [tab for tab in json.load(answer) if tab["type"] == "page"]
        if tabs:
            return tabs[0]["webSocketDebuggerUrl"]
        assert time.monotonic() < due, "the browser opened no page"
        time.sleep(0.1)
