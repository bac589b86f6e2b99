"""A small store to look around: real clips, a few fakes, and rows with hostile texts."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import Request, urlopen

import uvicorn

from data.settings import Settings
from data.specs.annotate import FakeTextSpec
from data.specs.split import SplitSpec
from data.workspace import Workspace
from support.corpora import FAKE, table
from support.pages import HOSTILE
from tasks.annotate.stage import register_annotate
from tasks.annotate.summary import AnnotateSummary
from tasks.browse.access import LOCAL_NAMES
from tasks.browse.app import create_app
from tasks.browse.session import Session
from tasks.plan import plan_videos

LONG = "long/" + 295 * "x"  # an id of 300 characters, with what paths and shells would obey
GONE = "gone"
TURNED = "\u202eabc\u202c\x1b[2J"  # an override of direction, and a terminal's escape


def fill(workspace: Workspace, clips: Path) -> None:
    """Makes "films": four clips, a copy, one that is gone, six fakes, one of them undecodable."""
    from flows.pipeline import pipeline

    rows = [
        {"videoID": f"clip-{n}", "videoLoc": str(clips / f"clip-{n}.mp4"), "txt": text,
         "shape": "wave", "number": n, "day": f"2024-01-0{n + 1}"}
        for n, text in enumerate((HOSTILE, TURNED, "something short", "a picture that counts"))
    ]  # fmt: skip
    rows += [
        {**rows[2], "videoID": LONG},
        {**rows[0], "videoID": GONE, "videoLoc": str(clips / "gone.mp4")},
    ]
    fault = {5: "?fault=undecodable"}
    rows += [
        {"videoID": f"fake-{n}", "videoLoc": f"fake://{n}{fault.get(n, '')}",
         "txt": f"fake number {n}", "shape": "fake", "number": 10 + n, "day": None}
        for n in range(6)
    ]  # fmt: skip
    copy = clips / "gone.mp4"
    copy.write_bytes((clips / "clip-3.mp4").read_bytes() + b"\0")  # other bytes, the same pictures
    pipeline("films", table(clips.parent / "source", rows), embed_spec=FAKE)
    copy.unlink()


def look_through(workspace: Workspace) -> None:
    """Finds the shots, texts and near-duplicates of "films"; the shots are a corpus as well."""
    from flows import annotate
    from flows.dedup import dedup
    from flows.split import split

    split("films", "shots", SplitSpec(method="fixed", least=0.1, greatest=0.3))
    dedup("films")
    # Without vectors of the texts: the page searches no texts, and their encoder takes seconds.
    spec = FakeTextSpec()
    stage = register_annotate(workspace, "films", spec)
    shards, summary = plan_videos(workspace, stage, None), AnnotateSummary(workspace, stage)
    annotate._annotate_shards(workspace, stage, spec, shards, summary)


@contextmanager
def running(settings: Settings, password: str | None = None) -> Iterator[str]:
    """The address of a page that is served by a thread."""
    session = Session(settings)
    app = create_app(session, LOCAL_NAMES, password, "a token")
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
    session.start()
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)
        session.close()


def asked(url: str, body: dict | None = None) -> dict:
    """The JSON that an address answers."""
    data = None if body is None else json.dumps(body).encode()
    with urlopen(Request(url, data, {"Content-Type": "application/json"})) as answer:
        return json.load(answer)
