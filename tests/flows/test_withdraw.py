import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from support.corpora import FAKE, FAKE_VIDEOS, PROMPTS

from data.errors import UserError
from data.records import Prompt
from data.runs.refinements import read_refined
from data.specs.refine import RefineSpec
from data.specs.retrieve import VIDEO_QUERIES, RetrieveSpec
from flows.generate import generate
from flows.index import index
from flows.pipeline import pipeline
from flows.withdraw import withdraw
from tasks.generate.provenance import list_runs, read_provenance
from tasks.refine.request import build_refinement
from tasks.refine.run import complete_refinement, plan_passes
from tasks.retrieve.retriever import Retriever

pytestmark = pytest.mark.usefixtures("plain_flows")
ALL = RetrieveSpec(k=20, dedup=1.01)


@pytest.fixture
def corpus(workspace) -> str:
    pipeline("c", "fake://12?frames=60", embed_spec=FAKE)
    return "c"


def found(workspace, **spec: object) -> set[str]:
    hits = Retriever(workspace, "c").search_prompts(
        [Prompt("0", "red")], ALL.model_copy(update=spec)
    )
    return {hit.video_id for hit in hits}


def hits(made: dict) -> dict[str, list[str]]:
    rows = pq.read_table(made["table"]).to_pylist()
    return {row["request_id"]: [hit["video_id"] for hit in row["hits"]] for row in rows}


@pytest.mark.usefixtures("prefect_backend")
def test_a_withdrawn_video_is_in_no_search_and_in_no_later_index(workspace, corpus: str) -> None:
    before = found(workspace)
    withdraw("fake-000003", "c", "asked to")
    gone = before - {"fake-000003"}
    assert (
        found(workspace) == found(workspace, exact=True) == found(workspace, where="true") == gone
    )
    bank = Retriever(workspace, "c")
    kin = bank.search_videos(
        ["fake-000001"], VIDEO_QUERIES.model_copy(update={"k": 20, "dedup": 1.01})
    )
    assert "fake-000003" not in {hit.video_id for hit in kin}
    index("c")
    assert found(workspace) == gone
    assert len(Retriever(workspace, "c").index) == 11


def test_an_exact_copy_goes_with_it(workspace, clips: Path) -> None:
    (clips / "copy.mp4").write_bytes((clips / "clip-0.mp4").read_bytes())
    pipeline("c", str(clips), embed_spec=FAKE)
    withdraw("copy", "c")
    assert found(workspace) == {"clip-1", "clip-2", "clip-3"}
    assert read_provenance(workspace, "clip-0")["videos"][0]["withdrawn"]


def test_the_first_mark_stays(workspace, corpus: str) -> None:
    first = withdraw("fake-000003", "c", "asked to")
    again = withdraw("fake-000003", "c", "another reason")
    assert (again["at"], again["why"]) == (first["at"], "asked to")


def test_what_it_conditioned_is_listed_and_stays_until_it_is_made_again(workspace, corpus) -> None:
    made = generate("c", PROMPTS, FAKE_VIDEOS)
    owing = hits(made)
    video = owing["000"][0]
    wanted = [id for id, videos in owing.items() if video in videos]
    said = withdraw(video, "c")
    assert [output["request_id"] for output in said["outputs"]] == wanted
    assert all(Path(output["file"]).exists() for output in said["outputs"])
    assert generate("c", PROMPTS, FAKE_VIDEOS)["with_withdrawn_clips"] == len(wanted)


def test_made_again_an_output_is_without_it_and_the_others_are_left_alone(
    workspace, corpus
) -> None:
    made = generate("c", PROMPTS, FAKE_VIDEOS)
    owing, files = hits(made), _files(made)
    video = owing["000"][0]
    again = [f"{id}.mp4" for id, videos in owing.items() if video in videos]
    refined = _refine(workspace, made["run"])
    said = withdraw(video, "c", regenerate=True)
    (now,) = said["regenerated"]
    # What was refined from them is gone with them, and its rows say so.
    gone = {f"{id.removesuffix('.mp4')}@{number}" for id in again for number in (0, 1)}
    assert {row["id"] for row in said["refined"]} == gone
    rows = {row["id"]: row for row in read_refined(workspace.store, refined)}
    assert {id for id, row in rows.items() if row["reason"] == "missing"} == gone
    media = workspace.store.list_names(f"refinements/{refined}/media")
    assert len(media) == 3 * (len(rows) - len(gone))
    assert (now["run"], now["done"], now["with_withdrawn_clips"]) == (made["run"], 3, 0)
    assert not any(video in videos for videos in hits(now).values())
    assert all(len(videos) == 3 for videos in hits(now).values())
    assert {name for name, said in _files(now).items() if files[name] != said} == set(again)
    assert generate("c", PROMPTS, FAKE_VIDEOS)["done"] == 3
    assert read_provenance(workspace, video)["influenced"] == []
    assert withdraw(video, "c", regenerate=True)["regenerated"] == []
    _assert_rebuilt_the_same(workspace)


def test_what_waits_is_planned_without_it(workspace, corpus: str, monkeypatch) -> None:
    from engines.generate.generators import fake

    def broken(self, requests, clips):
        raise RuntimeError("a worker's bad day")

    with monkeypatch.context() as patch:
        patch.setattr(fake.Generator, "generate", broken)
        patch.setattr("tasks.shard.shard_task.retries", 0)
        with pytest.raises(RuntimeError, match="bad day"):
            generate("c", PROMPTS, FAKE_VIDEOS)
    video = json.loads(_plan(workspace))["items"][0]["request"]["sources"][0]["video_id"]
    withdraw(video, "c")
    made = generate("c", PROMPTS, FAKE_VIDEOS)
    assert made["done"] == 3
    assert not any(video in videos for videos in hits(made).values())


def test_a_passport_tells_both_ways(workspace, corpus: str) -> None:
    made = generate("c", PROMPTS, FAKE_VIDEOS)
    video = hits(made)["001"][1]
    source = read_provenance(workspace, video)
    assert ("001", 2) in [(row["request_id"], row["rank"]) for row in source["influenced"]]
    output = read_provenance(workspace, "001")["outputs"]
    assert [row["video_id"] for row in output] == hits(made)["001"]
    copy = Path(made["videos"]).parents[3] / "renamed.mp4"
    copy.write_bytes((Path(made["videos"]) / "001.mp4").read_bytes())
    assert read_provenance(workspace, str(copy))["outputs"] == output
    assert read_provenance(workspace, video, "c") == source
    refined = _refine(workspace, made["run"])
    row = next(r for r in read_refined(workspace.store, refined) if r["id"] == "001@1")
    copy.write_bytes(workspace.store.read(f"refinements/{refined}/{row['view']}"))
    traced = read_provenance(workspace, str(copy))
    assert traced["outputs"] == output and traced["refined"][0]["id"] == "001@1"
    assert {r["id"] for r in read_provenance(workspace, "001")["refined"]} == {"001@0", "001@1"}
    assert "001@1" in {r["id"] for r in read_provenance(workspace, video)["refined"]}
    with pytest.raises(UserError, match="no video or output 'nobody'"):
        read_provenance(workspace, "nobody")


def test_runs_are_listed_with_what_came_of_them(workspace, corpus: str) -> None:
    assert list_runs(workspace) == []
    made = generate("c", [*PROMPTS, PROMPTS[0]], FAKE_VIDEOS)
    (run,) = list_runs(workspace, "c")
    assert (run["run"], run["done"], run["failed"], run["prompts"]) == (made["run"], 3, 1, 4)


def test_an_unknown_video_is_named(workspace, corpus: str) -> None:
    with pytest.raises(UserError, match="no video 'x' in c"):
        withdraw("x", "c")


def _refine(workspace, run: str) -> str:
    """Refines a run's videos once, without measuring them; the refinement."""
    spec = RefineSpec(refiner="temporal_median", iterations=(1,))
    refinement = build_refinement(workspace, run, spec)
    complete_refinement(workspace, refinement, plan_passes(workspace, refinement))
    return refinement.fingerprint


def _files(made: dict) -> dict[str, tuple[int, bytes]]:
    files = Path(made["videos"]).glob("*.mp4")
    return {file.name: (file.stat().st_mtime_ns, file.read_bytes()) for file in files}


def _plan(workspace) -> bytes:
    (run,) = workspace.store.list_names("generations")
    return workspace.store.read(f"{run}/shards/000000.json")


def _assert_rebuilt_the_same(workspace) -> None:
    def everything() -> dict[str, list[tuple]]:
        with workspace.open_catalog() as catalog:
            found = catalog.execute("SELECT table_name FROM duckdb_tables()")
            return {name: sorted(catalog.execute(f"FROM {name}"), key=repr) for (name,) in found}

    before = everything()
    workspace.rebuild_catalog()
    assert everything() == before
