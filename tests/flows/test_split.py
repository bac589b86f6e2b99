"""Shots of long videos as rows of another corpus: once each, and anew where a video changed."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from support import golden
from support.corpora import FAKE, table

from data.catalog.database import load_sql
from data.errors import UserError
from data.shards.lists import list_pending
from data.shards.stages import current_stage
from data.specs.pipeline import IndexSpec, RetrieveSpec
from data.specs.split import SplitSpec
from data.workspace import Workspace
from flows.ingest import ingest
from flows.pipeline import pipeline
from flows.retrieve import retrieve
from flows.split import split
from flows.withdraw import withdraw
from tasks.retrieve.retriever import Retriever
from tasks.ui.pipeline_summary import format_stage

pytestmark = pytest.mark.usefixtures("plain_flows")
SCENES = SplitSpec(least=0.3, greatest=1.5)


def film(path: Path, shots: list[int], fps: int = 25) -> None:
    """A file of still shots of so many frames, each of another colour, that end in hard cuts."""
    shot = np.repeat(np.arange(len(shots)), shots)
    colours = np.random.default_rng(3).integers(0, 255, (len(shots), 3))

    def draw(number: int, size: tuple[int, int]) -> np.ndarray:
        return np.broadcast_to(colours[shot[number]].astype(np.uint8), (*size[::-1], 3)).copy()

    golden.clip(path, sum(shots), fps, draw=draw)


@pytest.fixture(scope="module")
def workspace(shared_workspace: Workspace) -> Workspace:
    return shared_workspace


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("films")
    film(folder / "a.mp4", [20, 30, 25])
    film(folder / "b.mp4", [40, 50])
    (folder / "c.mp4").write_bytes(b"no video")
    return folder


@pytest.fixture(scope="module")
def films(workspace: Workspace, folder: Path, plain_flows: object) -> str:
    rows = [
        {"videoID": "a", "videoLoc": "a.mp4", "txt": "the first", "year": 1999},
        {"videoID": "b", "videoLoc": "b.mp4", "txt": "the second", "start_sec": 0.4},
    ]
    pipeline("films", table(folder, rows), embed_spec=FAKE, index_spec=IndexSpec(engine="flat"))
    return "films"


@pytest.fixture(scope="module")
def made(workspace: Workspace, films: str) -> dict:
    return split(films, "shots", SCENES)


def rows_of(workspace: Workspace, corpus: str) -> dict[str, dict]:
    with workspace.open_synced_catalog(corpus) as catalog:
        rows = catalog.query_rows(load_sql("good_videos"), corpus=corpus)
    return {row["id"]: row for row in rows}


def test_shots_are_rows_that_know_their_video(workspace: Workspace, made: dict):
    assert (made["done"], made["failed"], made["shots"]) == (2, {}, 6)
    assert made["ingested"]["new"] == 6
    shots = rows_of(workspace, "shots")
    # A shot of two seconds is longer than the greatest: it is cut in the middle.
    assert list(shots) == ["a@0.000", "a@0.800", "a@2.000", "b@0.400", "b@1.600", "b@2.600"]
    columns = {id: json.loads(row["columns"]) for id, row in shots.items()}
    assert [columns[id]["source_video"] for id in shots] == list("aaabbb")
    assert columns["a@0.800"]["year"] == 1999 and shots["a@0.800"]["caption"] == "the first"
    assert [round(row["duration"], 2) for row in shots.values()] == [0.8, 1.2, 1.0, 1.2, 1.0, 1.0]
    assert shots["b@1.600"]["uri"].endswith("b.mp4#t=1.6,2.6")


def test_a_second_run_splits_nothing_again(workspace: Workspace, films: str, made: dict):
    again = split(films, "shots", SCENES)
    assert (again["done"], again["shots"], again["ingested"]["unchanged"]) == (0, 6, 6)
    stage = current_stage(workspace.store, films, "split")
    assert stage and not list_pending(workspace.store, stage.folder)
    other = split(films, "halves", SplitSpec(method="fixed", least=0.5, greatest=1.5))
    assert other["shots"] == 2 + 3  # of 3.0 and of 3.2 s: what is left over joins the last
    assert other["frames"] == 0


def test_shots_of_one_video_may_be_kept_from_each_other(
    workspace: Workspace, made: dict, tmp_path: Path
):
    pipeline("shots", embed_spec=FAKE, index_spec=IndexSpec(engine="flat"))
    retriever, wide = Retriever(workspace, "shots"), RetrieveSpec(k=9, ceiling=2, dedup=2)
    near = retriever.search_videos(["a@0.000"], wide)
    far = retriever.search_videos(
        ["a@0.000"], wide.model_copy(update={"not_from_same": "source_video"})
    )
    assert len(near) == 5 and {hit.video_id[0] for hit in far} == {"b"}
    with pytest.raises(UserError, match="source_film"):  # else nothing would be kept apart
        retriever.search_videos(
            ["a@0.000"], wide.model_copy(update={"not_from_same": "source_film"})
        )
    own = wide.model_copy(update={"not_from_same": "source_video"})
    prompts, out = tmp_path / "p.csv", tmp_path / "hits.parquet"
    prompts.write_text("videoID,txt,source_video\n0,a circle,a\n")
    assert retrieve("shots", str(prompts), str(out), own)["hits"] == 3
    prompts.write_text("videoID,txt\n0,a circle\n")
    with pytest.raises(UserError, match="source_video"):
        retrieve("shots", str(prompts), str(out), own)


def test_a_withdrawn_video_has_no_shots_any_more(workspace: Workspace, films: str, made: dict):
    withdraw("b", films)
    night = pipeline(films, split_into="later", split_spec=SCENES)
    assert night["split"]["shots"] == 3 and "3 shots, in later" in format_stage(
        "split", night["split"]
    )
    assert {id[0] for id in rows_of(workspace, "later")} == {"a"}


def test_a_copy_that_is_left_has_the_shots(workspace: Workspace, tmp_path: Path):
    film(tmp_path / "one.mp4", [20, 30])
    shutil.copy(tmp_path / "one.mp4", tmp_path / "two.mp4")
    rows = [{"videoID": id, "videoLoc": f"{id}.mp4", "txt": id} for id in ("one", "two")]
    ingest(table(tmp_path, rows), "pairs")
    whole = SplitSpec(method="fixed")
    assert split("pairs", "first", whole)["shots"] == 1
    film(tmp_path / "one.mp4", [25, 25])
    ingest(table(tmp_path, rows), "pairs")
    assert split("pairs", "second", whole)["shots"] == 2
    assert set(rows_of(workspace, "second")) == {"one@0.000", "two@0.000"}


def test_shots_need_a_corpus_of_their_own(workspace: Workspace, films: str):
    with pytest.raises(UserError):
        split(films, films)
