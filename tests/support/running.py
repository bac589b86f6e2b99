"""Servers as processes of a test: started, asked, and ended with all that they started."""

import json
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import psutil

from support.commands import wait_until


@contextmanager
def started(
    log: Path, words: list[str], *, stop: signal.Signals = signal.SIGTERM, **how: Any
) -> Iterator[subprocess.Popen]:
    """A program, its output in the log, shown where the test fails; `how` is for `Popen`."""
    with log.open("ab") as out:
        process = subprocess.Popen(words, stdout=out, stderr=subprocess.STDOUT, **how)
    try:
        yield process
    except BaseException:
        print(f"{log.name}, at the end:\n{log.read_text(errors='replace')[-3000:]}")
        raise
    finally:
        below: list[psutil.Process] = []
        with suppress(psutil.NoSuchProcess):
            below = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(stop)
        with suppress(subprocess.TimeoutExpired):
            process.wait(30)
        for left in [process, *below]:
            with suppress(psutil.NoSuchProcess):
                left.kill()
        process.wait()


@contextmanager
def asking(api: str) -> Iterator[None]:
    """This process asks the Prefect at the address; of what it tells it there nothing is left."""
    from prefect.events.worker import EventsWorker
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings({PREFECT_API_URL: api}):
        yield
        EventsWorker.drain_all()  # it would tell this server of all that follows elsewhere


def free_ports(count: int) -> list[int]:
    """Ports of this machine that nobody listens on."""
    with ExitStack() as held:
        found = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in found:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in found]


def listens(port: int) -> bool:
    """Whether somebody does."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def answers(url: str) -> bool:
    """Whether the address gives a page."""
    try:
        urlopen(url, timeout=5).close()
    except OSError:
        return False
    return True


def asked(url: str, given: Any = None, **headers: str) -> Any:
    """What a JSON API answers; posted where something is given.

    One that is too busy is asked again: Prefect's database is locked on a crowded machine.
    """
    body = None if given is None else json.dumps(given).encode()
    request = Request(url, body, {"Content-Type": "application/json"} | headers)

    def tried() -> list:
        try:
            with urlopen(request, timeout=120) as answer:
                return [json.load(answer)]
        except HTTPError as error:
            if error.code != HTTPStatus.SERVICE_UNAVAILABLE:
                raise
        except TimeoutError:
            pass
        return []

    return wait_until(tried, f"{url} was answered", 600)[0]
