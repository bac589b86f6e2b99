"""What somebody waits for on the page: its start, words to pictures, deep pages and filters."""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from urllib.parse import quote
from urllib.request import urlopen

import numpy as np
from bench.figures import Figure
from bench.job import Job
from support import large
from support.browsed import asked, running
from support.running import free_ports, started
from support.wide_fakes import widen_fakes

from data.settings import Settings
from data.specs.pipeline import EmbedSpec, PoolSpec
from data.workspace import open_workspace
from tasks.stages import register_embed, register_pool

CORPUS, SIZE = "large", 50_000
QUERIES, PICTURES = 60, 8  # searches, and the pictures that a window shows at first
COLOURS, THINGS = ("red", "blue", "green", "dark", "bright"), ("wave", "street", "dog", "ship")


def measure(job: Job) -> Iterator[Figure]:
    """Milliseconds over a corpus of a million vectors of 512 numbers, 20,000 where quick."""
    count, root = job.size(1_000_000, 20_000), job.scratch / "browse"
    os.environ["REELFLOW_ROOT"], os.environ["REELFLOW_RUNNER"] = str(root), "in_process"
    widen_fakes()
    _fill(root, count)
    what = f"{count:,} x 512"
    yield Figure("browse", f"{what}: from the command to a page of videos", _start(root), "s")
    with running(Settings()) as url:
        (corpus,) = asked(f"{url}/api/state")["corpora"]
        index = corpus["index"]
        yield Figure("browse", f"{what}: recall@10 of the index, {index['kind']}", index["recall"],
                     "", least=index["gate"])  # fmt: skip
        _search(url, "a first search opens the index")
        tries = [_search(url, words) for words in _words()]
        for name, times in zip(("answer", "first picture", f"{PICTURES} pictures"),
                               zip(*tries, strict=True), strict=True):  # fmt: skip
            for share in (50, 95):
                most = 200 if name == "first picture" else None
                value = float(np.percentile(times, share))
                yield Figure("browse", f"{what}: words to {name}, p{share}", value, "ms", most=most)
        api = f"{url}/api/corpora/{CORPUS}"
        for name, path, body in (
            ("the last page", "videos", {"offset": count - 60}),
            ("a page under a new condition", "videos", {"where": "number % 7 = 3"}),
            ("all facets", "facets", {}),
            ("a search under a new condition", "search", {"text": "x", "where": "number % 9 = 3"}),
        ):
            yield Figure("browse", f"{what}: {name}", _time(partial(asked, f"{api}/{path}", body)),
                         "ms")  # fmt: skip


def _fill(root: Path, count: int) -> None:
    """A corpus through all stages; its index is built and has to pass its gate."""
    import pytest
    from support.plain import PlainFlows

    from flows.index import index

    workspace = open_workspace(Settings(root=str(root)))
    large.ingested(workspace, CORPUS, count)
    stage = register_embed(workspace, CORPUS, EmbedSpec(engine="fake", every_nth=1))
    large.finished(workspace, stage, count, SIZE)
    large.pooled(workspace, register_pool(workspace, CORPUS, PoolSpec(), stage), count, SIZE)
    with pytest.MonkeyPatch.context() as patch:  # a flow needs no server to build an index
        plain = PlainFlows()
        plain.patch(patch)
        with plain.switched(True):
            index(CORPUS)


def _start(root: Path) -> float:
    """Seconds from the command, in a process of its own, to the first page of videos."""
    port = free_ports(1)[0]
    words = [sys.executable, "-m", "flows.cli.main", "browse", "--port", str(port)]
    page = f"http://127.0.0.1:{port}/api/corpora/{CORPUS}/videos"
    begun = time.perf_counter()
    with started(root.with_suffix(".log"), words, env=os.environ):
        while True:
            try:
                asked(page, {"limit": 60})
                return time.perf_counter() - begun
            except OSError:
                assert time.perf_counter() - begun < 300, "the page did not start"
                time.sleep(0.05)


def _search(url: str, words: str) -> tuple[float, float, float]:
    """Milliseconds from words to the answer, to the first picture, and to a window of them."""
    begun = time.perf_counter()
    found = asked(f"{url}/api/corpora/{CORPUS}/search", {"text": words, "k": 48})
    answered, ends = time.perf_counter(), []

    def look(id: str) -> None:
        with urlopen(f"{url}/media/{CORPUS}/still?id={quote(id)}&t=0") as picture:
            picture.read()
        ends.append(time.perf_counter())

    with ThreadPoolExecutor(6) as connections:  # as many as browsers open
        list(connections.map(look, [each["id"] for each in found["videos"][:PICTURES]]))
    return tuple(1000 * (end - begun) for end in (answered, min(ends), max(ends)))  # type: ignore[return-value]


def _words() -> list[str]:
    pairs = [f"{colour} {thing}" for colour in COLOURS for thing in THINGS]
    return [f"{pair} {number}" for number in range(QUERIES // len(pairs)) for pair in pairs]


def _time(ask: Callable[[], object]) -> float:
    begun = time.perf_counter()
    json.dumps(ask())
    return 1000 * (time.perf_counter() - begun)
