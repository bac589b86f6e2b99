"""The page's endpoints over a small store, without a browser."""

import io
import json
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from starlette.testclient import TestClient
from support.browsed import GONE, LONG, fill, look_through
from support.corpora import FAKE
from support.pages import HOSTILE

from data.catalog.browsing import find_rows, read_by_key
from data.catalog.snapshot import ROW
from data.records import Prompt, Video
from data.settings import Settings
from data.specs.retrieve import RetrieveSpec
from data.workspace import Workspace
from engines.browse.pictures import NotShown, PictureMaker
from tasks.browse import maps, overview
from tasks.browse.access import LOCAL_NAMES
from tasks.browse.app import create_app
from tasks.browse.maps import name_map
from tasks.browse.running import RunningPage, announce_page
from tasks.browse.select_videos import select_videos
from tasks.browse.session import MAX_RESULTS, MAX_SELECTIONS, Session
from tasks.browse.videos import read_video
from tasks.index.versions import find_index
from tasks.retrieve.retriever import Retriever
from tasks.ui.page_links import link_corpus, link_run
from tasks.workers import build_probe_setup

FILMS = "/api/corpora/films"


@pytest.fixture(scope="module")
def session(plain_flows, shared_workspace, _clips: Path, tmp_path_factory) -> Iterator[Session]:
    import shutil

    clips = Path(shutil.copytree(_clips, tmp_path_factory.mktemp("films") / "clips"))
    with plain_flows.switched(True):
        fill(shared_workspace, clips)
        look_through(shared_workspace)
    session = Session(Settings())
    yield session
    session.close()


@pytest.fixture(scope="module")
def page(session: Session) -> TestClient:
    app = create_app(session, LOCAL_NAMES, None, "a token")
    return TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False)


def posted(page: TestClient, path: str, **body) -> dict:
    answer = page.post(f"{FILMS}/{path}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_state_says_what_there_is_and_what_is_missing(page: TestClient) -> None:
    state = page.get("/api/state").json()
    films, shots = state["corpora"]
    assert films["name"] == "films" and films["videos"] == 12
    assert shots["problems"] and "reelflow" in shots["problems"][0]  # not indexed: what to type
    assert films["index"]["videos"] == 10 and films["index"]["recall"] >= films["index"]["gate"]
    assert state["delayed"] is None


def test_pages_sort_and_filter_as_conditions_do(page: TestClient) -> None:
    first = posted(page, "videos", limit=3)
    assert [each["id"] for each in first["videos"]] == ["clip-0", "clip-1", "clip-2"]
    assert first["total"] == 12
    assert first["videos"][0]["caption"] == HOSTILE
    last = posted(page, "videos", sort="number", descending=True, limit=2)["videos"]
    assert [each["id"] for each in last] == ["fake-5", "fake-4"]
    waves = [{"column": "shape", "values": ["wave"]}]
    kept = posted(page, "videos", filters=waves, where="number >= 2", offset=1)
    assert [each["id"] for each in kept["videos"]] == ["clip-3", LONG] or len(kept["videos"]) == 2
    assert kept["total"] == 3
    none = posted(page, "videos", filters=[{"column": "day", "values": [None]}])
    assert none["total"] == 6
    ranged = posted(page, "videos", filters=[{"column": "number", "low": 1, "high": 2.5}])
    assert {each["columns"]["number"] for each in ranged["videos"]} == {1, 2}


@pytest.mark.parametrize("where", ["number = (SELECT 1)", "no_such = 1", "1; DROP TABLE videos",
                                   "read_text('/etc/passwd') = ''"])  # fmt: skip
def test_a_condition_can_do_nothing_but_choose(page: TestClient, where: str) -> None:
    for path in ("videos", "facets", "search"):
        answer = page.post(f"{FILMS}/{path}", json={"where": where, "text": "x"})
        assert answer.status_code == 400 and answer.json()["detail"].startswith("cannot use")


def test_a_column_that_is_not_there_is_no_order(page: TestClient) -> None:
    for sort in ("no such", 'id" DESC --'):
        assert page.post(f"{FILMS}/videos", json={"sort": sort}).status_code == 400


def test_a_decoder_that_hangs_is_ended_and_said_so(session: Session, page: TestClient) -> None:
    setup = replace(build_probe_setup(session.settings), decode_deadline_s=1.0)
    row = read_video(session.now, "films", "fake-1")
    with PictureMaker(setup) as pictures, pytest.raises(NotShown) as caught:
        pictures.draw_still(Video("hangs", "fake://1?fault=hang", row["content"]), 0.0, None)
    assert caught.value.reason == "timeout"
    # Others are drawn meanwhile and after it, by a decoder of their own.
    assert page.get("/media/films/still", params={"id": "fake-1"}).status_code == 200


def test_an_index_below_its_gate_is_told_by_both_figures(session: Session) -> None:
    now = session.now
    stage, version = find_index(now, "films")
    name = f"{stage.folder}/{version}/index.json"
    before = now.store.read(name)
    try:
        worse = json.loads(before) | {"recall_at_10": {"videos": 0.5}}
        now.store.write(name, json.dumps(worse).encode())
        index = overview._read_corpus(now, "films").index
    finally:
        now.store.write(name, before)
    assert index is not None and index.recall == 0.5 < index.gate  # the page compares them


def test_a_filter_quotes_names_and_values(page: TestClient) -> None:
    evil = """x' OR true --"""
    assert posted(page, "videos", filters=[{"column": "shape", "values": [evil]}])["total"] == 0
    answer = page.post(
        f"{FILMS}/videos", json={"filters": [{"column": 'shape" OR true --', "values": ["a"]}]}
    )
    assert answer.status_code == 400


def test_facets_count_what_is_shown(page: TestClient) -> None:
    facets = {each["column"]: each for each in posted(page, "facets")}
    assert dict(facets["shape"]["values"]) == {"wave": 6, "fake": 6}
    assert sum(facets["number"]["bins"]) == 12
    assert (facets["number"]["low"], facets["number"]["high"]) == (0, 15)
    assert "caption" not in facets and "uri" not in facets
    narrow = posted(page, "facets", where="shape = 'fake'", columns=["shape"])
    assert [each["values"] for each in narrow] == [[["fake", 6]]]


def test_a_search_finds_what_the_command_finds(page: TestClient, session: Session) -> None:
    found = posted(page, "search", text="a red circle", k=5)
    hits = Retriever(session.workspace, "films").search_prompts(
        [Prompt("0", "a red circle")], RetrieveSpec(k=5)
    )
    assert [(v["id"], v["score"]) for v in found["videos"]] == [(h.video_id, h.score) for h in hits]
    few = posted(page, "search", text="a red circle", where="shape = 'none'", k=3)
    opened = session.open_retriever("films")
    assert few["short"] == 3 and not opened.shortages and not opened.unmatched
    fakes = posted(page, "search", text="a red circle", where="shape = 'fake'", k=3)
    assert {each["columns"]["shape"] for each in fakes["videos"]} == {"fake"}


def test_more_like_this_leaves_out_the_video_itself(page: TestClient) -> None:
    ids = [each["id"] for each in posted(page, "search", video="clip-0", k=5)["videos"]]
    assert ids and "clip-0" not in ids


def test_curves_have_a_score_for_each_stored_frame(page: TestClient, session: Session) -> None:
    query = posted(page, "search", text="a red circle")["query"]
    (curve,) = posted_list(page, "curves", query=query, ids=["clip-1"])
    assert curve["id"] == "clip-1" and len(curve["seconds"]) == len(curve["scores"]) == 18
    assert curve["best"] == curve["seconds"][int(np.argmax(curve["scores"]))]
    assert posted_list(page, "curves", query="unknown", ids=["clip-1"]) == []


def posted_list(page: TestClient, path: str, **body) -> list:
    return page.post(f"{FILMS}/{path}", json=body).json()


def test_a_file_that_is_dropped_finds_itself(page: TestClient, session: Session) -> None:
    row = posted(page, "videos", where="id = 'clip-1'")["videos"][0]
    body = Path(row["uri"]).read_bytes()
    upload = page.post(f"{FILMS}/upload", content=body).json()["upload"]
    best = posted(page, "search", upload=upload, k=1)["videos"][0]
    assert best["id"] == "clip-1" and best["score"] > 0.999
    picture = io.BytesIO()
    Image.new("RGB", (64, 48), "red").save(picture, "PNG")
    upload = page.post(f"{FILMS}/upload", content=picture.getvalue()).json()["upload"]
    assert posted(page, "search", upload=upload, k=3)["videos"]
    broken = page.post(f"{FILMS}/upload", content=b"no picture at all")
    assert broken.status_code == 400 and "cannot search with this file" in broken.json()["detail"]


def test_a_picture_is_decoded_and_a_lost_one_says_so(page: TestClient) -> None:
    still = page.get("/media/films/still", params={"id": LONG, "t": 0.2})
    assert still.headers["content-type"] == "image/jpeg"
    assert Image.open(io.BytesIO(still.content)).size == (320, 214)
    preview = page.get("/media/films/preview", params={"id": "fake-1"})
    assert preview.headers["content-type"] == "video/mp4" and b"ftyp" in preview.content[:16]
    gone = page.get("/media/films/still", params={"id": GONE})
    assert (gone.status_code, gone.json()["reason"]) == (404, "missing")
    broken = page.get("/media/films/still", params={"id": "fake-5"})
    assert (broken.status_code, broken.json()["reason"]) == (404, "undecodable")


def test_files_are_sent_by_ranges(page: TestClient) -> None:
    row = posted(page, "videos", limit=1)["videos"][0]
    whole = Path(row["uri"]).read_bytes()

    def ask(range: str | None):
        headers = {"Range": range} if range else {}
        return page.get("/media/films/file", params={"id": "clip-0"}, headers=headers)

    assert ask(None).content == whole and ask(None).headers["content-type"] == "video/mp4"
    part = ask("bytes=10-19")
    assert part.status_code == 206 and part.content == whole[10:20]
    assert part.headers["content-range"] == f"bytes 10-19/{len(whole)}"
    assert ask("bytes=-5").content == whole[-5:]
    assert ask("bytes=20-").content == whole[20:]
    assert ask(f"bytes={len(whole)}-").status_code == 416
    assert "sandbox" in part.headers["content-security-policy"]


@pytest.mark.parametrize(
    "id", ["/etc/passwd", "../store.json", "file:///etc/passwd", "", "no such"]
)
def test_nothing_that_the_store_does_not_list_is_opened(page: TestClient, id: str) -> None:
    for kind in ("still", "preview", "file"):
        assert page.get(f"/media/films/{kind}", params={"id": id}).status_code == 400
    assert page.get("/page/../app.py").status_code == 404
    assert page.get("/page/%2e%2e%2fapp.py").status_code == 404


def test_a_video_has_its_neighbours_copies_and_attempts(page: TestClient) -> None:
    details = page.get(f"{FILMS}/video", params={"id": "clip-2"}).json()
    assert details["copies"] == [LONG]
    assert details["neighbours"] and details["no_neighbours"] is None
    stages = {each["stage"] for each in details["attempts"]}
    assert stages == {"embed", "pool", "split", "annotate-fake", "dedup"}
    failed = page.get(f"{FILMS}/video", params={"id": "fake-5"}).json()
    assert failed["neighbours"] == [] and "not in the index" in failed["no_neighbours"]
    assert "undecodable" in {each["reason"] for each in failed["attempts"]}
    assert failed["retry"].startswith("reelflow retry films --reason undecodable --root ")
    assert details["retry"] is None


def test_a_video_has_its_shots_texts_and_near_duplicates(page: TestClient) -> None:
    details = page.get(f"{FILMS}/video", params={"id": "clip-3"}).json()
    shots, texts = (details["timeline"][each] for each in ("shots", "texts"))
    assert details["timeline"]["stages"] == ["split", "fake"]
    assert shots[0]["start_sec"] == 0 and len(shots) > 1
    ends = [each["end_sec"] for each in shots]
    assert [each["start_sec"] for each in shots[1:]] == ends[:-1]
    assert texts and all(each["kind"] == "fake" and each["text"] for each in texts)
    # Other bytes, the same pictures: no exact copy, but one of its group.
    assert details["copies"] == []
    assert GONE in [each["id"] for each in details["duplicates"]]
    nothing = page.get(f"{FILMS}/video", params={"id": "fake-5"}).json()
    assert nothing["timeline"]["texts"] == [] and nothing["duplicates"] == []


def test_commands_use_the_page_s_model(page: TestClient, session: Session) -> None:
    from data.shards.stages import current_stage
    from tasks.retrieve.prompt_vectors import PromptEmbedder

    stage = current_stage(session.workspace.store, "films", "embed")
    prompts = [Prompt("0", "a red circle"), Prompt("1", "wave")]
    body = {"embed": stage.fingerprint, "texts": [each.text for each in prompts]}
    warm = np.array(page.post(f"{FILMS}/embed", json=body).json(), np.float32)
    assert np.array_equal(warm, PromptEmbedder(session.workspace)(stage, prompts))
    other = page.post(f"{FILMS}/embed", json=body | {"embed": "another"})
    assert other.status_code == 400 and FAKE.engine == "fake"


def test_rows_are_found_by_key_as_a_scan_finds_them(session: Session) -> None:
    now = session.now
    with now.snapshot.select_rows("films") as (_, rows):
        table = rows.order(ROW).to_arrow_table().to_pylist()
    shared = [row for row in table if row["id"] in ("clip-2", LONG)]
    assert len({row["content"] for row in shared}) == 1  # one content, two videos
    wanted = [shared[0]["content"], "no such", table[0]["content"]]
    found = read_by_key(now.snapshot, "films", "content", wanted)
    assert [row["id"] for row in found] == [row["id"] for row in table if row["content"] in wanted]
    numbers = find_rows(now.snapshot, "films", "content", wanted)
    assert [table[number]["id"] for number in numbers] == [row["id"] for row in found]
    assert read_by_key(now.snapshot, "films", "id", []) == []
    live = Workspace.find_by_content(now, "films", wanted)
    assert now.find_by_content("films", wanted) == live  # of two videos the first


def test_ten_thousands_of_ids_are_one_join(session: Session, tmp_path: Path) -> None:
    ids = tmp_path / "ids.txt"
    ids.write_text("".join(f"unknown-{n}\n" for n in range(50_000)) + "clip-1\n")
    out = tmp_path / "out.txt"
    assert select_videos(session.workspace, "films", "ids", str(out), ids=str(ids)) == 1
    assert out.read_text() == "clip-1\n"


def test_a_tab_left_open_finds_its_search_and_pins_few_copies(session: Session) -> None:
    for n in range(MAX_RESULTS + 10):
        session.results.put(n, n)
        session.queries.put(("films", n), n)
        session.selections.put(n, n)
    assert session.results.recall(0) is None and session.queries.recall(("films", 0)) == 0
    kept = [n for n in range(MAX_RESULTS + 10) if session.selections.recall(n) is not None]
    assert len(kept) == MAX_SELECTIONS  # each holds a copy of the catalogue


def test_prefect_that_does_not_answer_is_said_so(page: TestClient, monkeypatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api/")
    prefect = page.get("/api/runs").json()["prefect"]
    assert prefect["address"] == "http://127.0.0.1:9" and "does not answer" in prefect["fault"]


def test_artifacts_lead_to_the_page_that_runs(session: Session) -> None:
    workspace = session.workspace
    assert link_run(workspace, "generations/1a2b") == {}
    with announce_page(
        workspace.store.root, RunningPage("http://127.0.0.1:4311", "t", os.getpid())
    ):
        link = link_run(workspace, "generations/1a2b")["look_around"]
        assert link == "http://127.0.0.1:4311/pages/generations/1a2b"
        assert link_corpus(workspace, "films")["look_around"].endswith("/#health?corpus=films")
    named = workspace.settings.model_copy(update={"browse_url": "https://films.example/"})
    far = Workspace(named, workspace.store)
    assert (
        link_run(far, "experiments/1")["look_around"] == "https://films.example/pages/experiments/1"
    )


def test_the_interface_is_documented(page: TestClient) -> None:
    paths = page.get("/openapi.json").json()["paths"]
    documented = [each.get("description") for path in paths.values() for each in path.values()]
    assert len(documented) >= 11 and all(documented)
    assert page.get("/docs").status_code == 404  # FastAPI's page loads scripts from elsewhere


def test_a_selection_becomes_files_that_commands_write_too(
    page: TestClient, session: Session, tmp_path: Path
) -> None:
    import shlex

    import pyarrow.parquet as pq

    made = posted(page, "selections", where="shape = 'wave'", filters=[])
    words = shlex.split(made["commands"]["table"])
    assert made["videos"] == 6 and words[words.index("--where") + 1] == "shape = 'wave'"
    for kind in ("table", "prompts", "ids"):
        body = page.get(f"{FILMS}/selections/{made['selection']}/{kind}").content
        out = tmp_path / f"{kind}.out"
        select_videos(session.workspace, "films", kind, str(out), where="shape = 'wave'")
        assert out.read_bytes() == body if kind != "table" else True
    rows = pq.read_table(tmp_path / "table.out").to_pylist()
    assert set(rows[0]) == {"videoID", "videoLoc", "txt", "shape", "number", "day"}
    assert [row["videoID"] for row in rows[:2]] == ["clip-0", "clip-1"] and len(rows) == 6
    picked = posted(page, "selections", ids=[LONG, "fake-1"])
    ids = page.get(f"{FILMS}/selections/{picked['selection']}/ids").text.splitlines()
    assert ids == [LONG, "fake-1"]
    found = posted(page, "selections", search={"text": "a red circle", "k": 3})
    assert found["videos"] == 3 and "--text 'a red circle'" in found["commands"]["ids"]
    search = {"text": "a red circle", "k": 3, "moments": True}
    found = posted(page, "selections", search=search)  # which the command does not search for
    assert "--text" not in found["commands"]["table"] and "--ids" in found["commands"]["table"]
    assert page.get(f"{FILMS}/selections/unknown/ids").status_code == 400


def test_a_map_is_computed_once_and_a_lasso_selects(
    page: TestClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    due = time.monotonic() + 60
    while (found := page.get(f"{FILMS}/map", params={"colour": "shape"}).json())[
        "state"
    ] != "ready":
        assert time.monotonic() < due
        time.sleep(0.1)
    assert found["total"] == len(found["x"]) == 10
    assert set(found["colours"]) == {"wave", "fake"}
    assert min(found["x"] + found["y"]) >= 0 and max(found["x"] + found["y"]) <= 1
    folder = tmp_path / "reelflow" / "maps"
    (kept,) = folder.iterdir()
    monkeypatch.setattr(maps, "MAX_MAPS", 2)
    for age in (3, 2, 1):
        (folder / f"old-{age}.npy").write_bytes(b"")
        os.utime(folder / f"old-{age}.npy", (1000 - age, 1000 - age))
    maps._drop_old(folder)  # as after each map that is made
    assert sorted(each.name for each in folder.iterdir()) == sorted([kept.name, "old-1.npy"])

    def refuse(*_: object) -> None:
        raise PermissionError(30, "Read-only file system")

    with monkeypatch.context() as patch:
        patch.setattr(os, "utime", refuse)  # a test may write wherever its user may
        assert page.get(f"{FILMS}/map").json()["x"] == found["x"] and kept.suffix == ".npy"
    x, y = found["x"][0], found["y"][0]
    near = [[x + dx, y + dy] for dx, dy in ((-0.001, -0.001), (0.001, -0.001), (0, 0.002))]
    point = {"row": found["rows"][0], "version": found["version"]}
    one = page.get(f"{FILMS}/map/video", params=point).json()
    former = page.get(f"{FILMS}/map/video", params=point | {"version": "another"})
    assert former.status_code == 400  # a row of it may be another video
    picked = posted(page, "selections", lasso={"polygon": near})
    ids = page.get(f"{FILMS}/selections/{picked['selection']}/ids").text.splitlines()
    assert one["id"] in ids
    everything = [[-1, -1], [2, -1], [2, 2], [-1, 2]]
    fakes = {"lasso": {"polygon": everything}, "where": "shape = 'fake'"}
    assert posted(page, "selections", **fakes)["videos"] == 5


def test_a_map_is_named_by_what_it_shows(session: Session, monkeypatch, tmp_path: Path) -> None:
    """Versions of all corpora are called v0001, and stages by their specs alone."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    one = session.open_retriever("films")
    other = SimpleNamespace(
        corpus="others", stage=one.stage, version=one.version,
        index=SimpleNamespace(content_column=pa.chunked_array([["a", "b"]])),
    )  # fmt: skip
    assert name_map(session, one, "pca") != name_map(session, other, "pca")  # type: ignore[arg-type]
    assert name_map(session, one, "pca") == name_map(session, one, "pca")


def test_health_counts_stages_and_says_how_to_retry(page: TestClient, session: Session) -> None:
    health = page.get(f"{FILMS}/health").json()
    assert health["stages"]["embed"]["videos"]["failed"] == 1
    (failure,) = health["failures"]
    assert (failure["stage"], failure["reason"], failure["videos"]) == ("embed", "undecodable", 1)
    root = f" --root {session.settings.root}"  # where the page looks, and not where it is pasted
    assert failure["retry"] == f"reelflow retry films --reason undecodable{root}"
    made = posted(page, "selections", where="shape = 'wave'", filters=[])
    assert set(made["commands"]) == {"table", "prompts", "ids", "corpus", "without"}
    assert all(each.endswith(root) for each in made["commands"].values())


def test_pages_of_the_store_open_and_no_other_file(page: TestClient, session: Session) -> None:
    assert page.get("/api/runs").json()["generations"] == []
    outside = ("generations/../../x", "corpora/films/store.json", "leaderboard/all/..%2f..%2fx")
    for address in ("generations/abc/index.html", *outside):
        assert page.get(f"/pages/{address}").status_code in (400, 404)
    page.get("/media/films/still", params={"id": "clip-1"})
    assert page.get("/pages/%2e%2e/pictures/index.html").status_code in (400, 404)
    assert any((session.folder / "pictures").iterdir())  # nothing was removed there


def test_what_is_new_in_the_store_is_seen(page: TestClient, session: Session, plain_flows) -> None:
    """The last test of the file: it adds to the corpus."""
    from support.corpora import table

    from flows.ingest import ingest

    before, old = page.get("/api/state").json(), session.now
    session.snapshots.refresh()
    assert page.get("/api/state").json()["number"] == before["number"]
    folder = Path(session.settings.root).parent / "more"
    with plain_flows.switched(True):
        row = {"videoID": "new", "videoLoc": "fake://77", "txt": "new"}
        ingest(table(folder, [row]), "films")
    session.snapshots.refresh()
    state = page.get("/api/state").json()
    assert state["number"] == before["number"] + 1 and state["corpora"][0]["videos"] == 13
    assert posted(page, "videos", where="id = 'new'")["total"] == 1
    # A request goes by one copy: row numbers of the next one are of other videos.
    assert len(session.order_videos(old, "films", [], None)) == 12
