"""Rows that are spans of a file, from a table to hits, a page and a check of the files."""

from pathlib import Path

import numpy as np
import pytest
from support import golden
from support.corpora import FAKE, table

from data.catalog.database import load_sql
from data.records import Source
from data.specs.pipeline import GenerateSpec, IndexSpec, RetrieveSpec
from data.workspace import Workspace
from engines.files.rows import build_row, map_columns
from engines.generate.windows import WindowFormat, decode_windows, draw_window
from engines.report.html import link_uri
from engines.video.frames import Resize
from engines.video.guard.guard import Guard
from flows.ingest import ingest, retry_ingest
from flows.maintain import maintain
from flows.pipeline import pipeline
from tasks.evaluate.digests import digest_uri
from tasks.retrieve.retriever import Retriever

pytestmark = pytest.mark.usefixtures("plain_flows")
SPANS = {"start_sec": "from", "end_sec": "to"}
ROWS = {
    "whole": (None, None), "first": (0, 1), "second": (1, 2), "across": (0.5, 1.5),
    "rest": (1, None), "same": (1.0, "2.0"),
    "clock": ("0:00:01", "0:00:01.5"), "inverted": (2, 1), "empty": (1, 1),
    "words": ("soon", None), "negative": (-1, 1), "beyond": (1, 9), "after": (5, 6),
}  # fmt: skip
GOOD = ("whole", "first", "second", "across", "rest", "same", "clock")


@pytest.fixture(scope="module")
def workspace(shared_workspace: Workspace) -> Workspace:
    return shared_workspace


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory, plain_flows: object) -> str:
    folder = tmp_path_factory.mktemp("source")
    golden.clip(folder / "film.mp4", frames=50, fps=25)
    rows = [
        {"videoID": id, "videoLoc": "film.mp4", "txt": id, "from": start, "to": end}
        for id, (start, end) in ROWS.items()
    ]
    return table(folder, rows)


@pytest.fixture(scope="module")
def corpus(workspace: Workspace, source: str) -> str:
    pipeline("c", source, columns=SPANS, embed_spec=FAKE, index_spec=IndexSpec(engine="flat"))
    return "c"


@pytest.mark.parametrize(
    ("location", "start", "end", "uri"),
    [("film.mp4#t=1.50,2", 1.5, "2.0", "/films/film.mp4#t=1.5,2"),
     ("film.mp4#t=1.50,2", None, None, "/films/film.mp4#t=1.5,2"),
     ("film.mp4#t=1.5,2", 1.5, 3, None), ("film.mp4#t=2,1", None, None, "/films/film.mp4#t=2,1")],
)  # fmt: skip
def test_a_location_may_name_the_span_too(
    location: str, start: object, end: object, uri: str | None
) -> None:
    """As in a table that was selected from a corpus of shots."""
    record = {"videoID": "a", "videoLoc": location, "txt": "", "start_sec": start, "end_sec": end}
    assert build_row(0, record, map_columns({}), "/films").uri == uri


def read_videos(workspace: Workspace) -> dict[str, dict]:
    with workspace.open_synced_catalog("c") as catalog:
        found = catalog.query_rows(load_sql("videos_by_id"), corpus="c", ids=list(ROWS))
        good = catalog.query_rows(load_sql("good_videos"), corpus="c")
    return {row["id"]: row | {} for row in found} | {row["id"]: row for row in good}


def test_every_span_is_a_video_or_a_reason(workspace: Workspace, corpus: str):
    videos = read_videos(workspace)
    assert {id for id in ROWS if not videos[id].get("reason")} == set(GOOD)
    assert {videos[id]["reason"] for id in ROWS if id not in GOOD} == {"rejected"}
    whole = videos["whole"]["content"]
    assert whole.startswith("sha256:") and "#" not in whole
    contents = {id: videos[id]["content"].removeprefix(whole) for id in GOOD}
    assert contents == {
        "whole": "", "first": "#t=0,1", "second": "#t=1,2", "across": "#t=0.5,1.5",
        "rest": "#t=1", "same": "#t=1,2", "clock": "#t=1,1.5",
    }  # fmt: skip
    seconds = {id: round(videos[id]["duration"], 3) for id in GOOD}
    assert seconds == {
        "whole": 2,
        "first": 1,
        "second": 1,
        "across": 1,
        "rest": 1,
        "same": 1,
        "clock": 0.5,
    }
    assert "2.00 s" in videos["beyond"]["detail"] and "later" in videos["inverted"]["detail"]


def test_its_frames_are_embedded_and_found(workspace: Workspace, corpus: str):
    retriever = Retriever(workspace, corpus)
    hits = retriever.search_videos(["first"], RetrieveSpec(k=9, ceiling=2, dedup=2))
    found = {hit.video_id: hit.uri for hit in hits}
    assert set(found) == {"whole", "second", "across", "rest", "clock"}  # `same` is `second`
    assert found["across"].endswith("film.mp4#t=0.5,1.5")
    page = Path(found["across"].split("#")[0]).with_name("page.html")
    assert link_uri(found["across"], page) == "film.mp4#t=0.5,1.5"


def test_unchanged_spans_stay_and_their_file_is_checked(
    workspace: Workspace, corpus: str, source: str
):
    again = ingest(source, corpus, SPANS)
    assert (again["unchanged"], again["new"], again["changed"]) == (len(GOOD), 0, 0)
    assert maintain(corpus, canary=False)["wrong"] == 0
    assert retry_ingest(corpus)["new"] == 0  # by its address, a span is a span again
    moved = ingest(source, corpus, SPANS | {"end_sec": ""})
    assert moved["changed"] >= 4  # other spans are other videos


def test_a_clip_of_it_conditions_a_video(source: str):
    uri = str(Path(source).with_name("film.mp4")) + "#t=1,2"
    clip = Source(1, "second", "sha256:0#t=1,2", 0.5, uri, duration=1.0)
    spec = GenerateSpec(frames=4, fps=8, width=96, height=64)
    window = draw_window(clip, spec)
    assert 0 <= window.start_s <= 0.5
    with Guard(1) as guard:
        made = decode_windows(guard, {window.key: window}, WindowFormat(8, 4, Resize(64, width=96)))
    numbers = [golden.number(each.transpose(1, 2, 0)) for each in made[window.key]]
    first = 25 + round(window.start_s * 25)
    assert np.allclose(numbers, [first + step * 25 / 8 for step in range(4)], atol=1)


def test_a_measured_span_is_its_file_and_the_span(source: str):
    path = str(Path(source).with_name("film.mp4"))
    assert digest_uri(f"{path}#t=1,2") == f"{digest_uri(path)}#t=1,2" != "#t=1,2"
