"""What pages of Prefect's UI, `reelflow top` and `status` take beside thousands of ended runs."""

import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

from bench.figures import Figure
from bench.job import Job
from support.browser import CHROMIUM, Tab, opened
from support.running import answers, free_ports, started

PAGES = {"dashboard": "v2/dashboard", "runs": "v2/runs", "dashboard, V1": "dashboard",
         "runs, V1": "runs"}  # fmt: skip
TASKS = 5  # of each run
TRIES = 3  # the best counts
QUIET_MS = 2000  # a page that asked nothing for so long has all that it shows at first
PATIENCE_S = 60.0
ASKED = """JSON.stringify(performance.getEntriesByType('resource')
    .filter(each => each.name.includes('/api/') && each.responseStatus < 300)
    .map(each => [each.startTime, each.responseEnd]))"""


def measure(job: Job) -> Iterator[Figure]:
    """Milliseconds, beside one run and beside many; needs Chromium."""
    if CHROMIUM is None:
        return
    many = job.size(2000, 200)
    folder = job.scratch / "history"
    folder.mkdir()
    port = free_ports(1)[0]
    api = f"http://127.0.0.1:{port}/api"
    own = {"PREFECT_HOME": str(folder / "home"), "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
    own |= {"PREFECT_API_URL": api, "REELFLOW_ROOT": str(folder / "store")}  # pages are told it
    words = [sys.executable, "-m", "prefect", "server", "start", "--port", str(port)]
    with ExitStack() as held:
        held.enter_context(started(folder / "log", words, env=os.environ | own))
        due = time.monotonic() + 300
        while not answers(f"{api}/health"):
            assert time.monotonic() < due, "the server did not start"
            time.sleep(0.5)
        _run(api)
        _command(own, "ingest", "fake://200", "--corpus", "history")
        (folder / "blank.html").touch()
        tab = held.enter_context(opened(folder / "blank.html", folder / "browser", 1280))
        yield from _pages(tab, port, 1)
        yield Figure("history", "status, 1 run", 1000 * _status(own), "ms")
        _copy(folder / "home" / "prefect.db", many)
        yield from _pages(tab, port, many)
        yield Figure("history", f"status, {many} runs", 1000 * _status(own), "ms")


def _pages(tab: Tab, port: int, runs: int) -> Iterator[Figure]:
    for name, page in PAGES.items():
        url = f"http://127.0.0.1:{port}/{page}"
        tries = [_seen(tab, url) for _ in range(TRIES)]  # the first fills the browser's cache
        asked = min(tries, key=lambda some: max(end for _, end in some))
        slowest = max(end - start for start, end in asked)
        what = f"{name}, {runs} runs"
        yield Figure("history", f"{what}: slowest of {len(asked)} requests", slowest, "ms")
        yield Figure("history", f"{what}: all of it there", max(end for _, end in asked), "ms")
    yield Figure("history", f"top, {runs} runs", 1000 * _top(f"http://127.0.0.1:{port}/api"), "ms")


def _seen(tab: Tab, url: str) -> list[tuple[float, float]]:
    """When each request of a page was made and answered, in milliseconds since it was opened."""
    tab.ask("Page.navigate", url="about:blank")
    tab.ask("Page.navigate", url=url)
    due = time.monotonic() + PATIENCE_S
    while time.monotonic() < due:
        found = json.loads(tab.look(ASKED) or "[]")
        if found and tab.look("performance.now()") > max(end for _, end in found) + QUIET_MS:
            return found
        time.sleep(0.2)
    return found


def _top(api: str) -> float:
    from tasks.service.server import open_client
    from tasks.service.top import read_activity

    with open_client(api) as client:
        spent = []
        for _ in range(TRIES):
            began = time.perf_counter()
            read_activity(client)
            spent.append(time.perf_counter() - began)
        return min(spent)


def _status(own: dict[str, str]) -> float:
    """The whole command."""
    spent = []
    for _ in range(TRIES):
        began = time.perf_counter()
        _command(own, "status", "history")
        spent.append(time.perf_counter() - began)
    return min(spent)


def _command(own: dict[str, str], *words: str) -> None:
    command = [sys.executable, "-m", "flows.cli.main", *words]
    subprocess.run(command, env=os.environ | own, check=True, stdout=subprocess.DEVNULL)


def _run(api: str) -> None:
    """One run, as its copies are to be."""
    from prefect import flow, task
    from prefect.settings import PREFECT_API_URL, temporary_settings

    @task
    def shard(number: int) -> int:
        return number

    @flow
    def embed(corpus: str) -> None:
        for number in range(TASKS):
            shard(number)

    with temporary_settings({PREFECT_API_URL: api}):
        embed("history")


def _copy(file: Path, count: int) -> None:
    """So many runs more, with their tasks and states, where making them would take minutes."""
    with closing(sqlite3.connect(file, timeout=120)) as database, database:
        flow, tasks = (_columns(database, table) for table in ("flow_run", "task_run"))
        database.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) "
            f"INSERT INTO flow_run (name, {flow}) SELECT 'copied', {flow} FROM n, "
            "(SELECT * FROM flow_run WHERE end_time NOT NULL LIMIT 1)",
            [count],
        )
        database.execute(
            f"INSERT INTO task_run (name, flow_run_id, {tasks}) "
            f"SELECT t.name, copied.id, {', '.join(f't.{each}' for each in tasks.split(', '))} "
            "FROM task_run t, (SELECT id FROM flow_run WHERE name = 'copied') copied "
            "WHERE t.flow_run_id = (SELECT id FROM flow_run WHERE name <> 'copied' LIMIT 1)"
        )


def _columns(database: sqlite3.Connection, table: str) -> str:
    names = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
    return ", ".join(name for name in names if name not in ("id", "name", "flow_run_id"))
