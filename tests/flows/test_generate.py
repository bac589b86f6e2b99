import shutil
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from support.corpora import FAKE, FAKE_VIDEOS, PROMPTS, table

from data.errors import UserError
from data.outcome import Failed
from data.runs.generations import read_request, read_run
from data.shards.lists import read_shard
from data.specs.pipeline import EmbedSpec, GenerateSpec, RetrieveSpec
from data.store import tables
from engines.generate import engine
from flows.generate import generate
from flows.ingest import ingest
from flows.pipeline import pipeline

pytestmark = pytest.mark.usefixtures("plain_flows")


def asking(**retrieve: object) -> GenerateSpec:
    return FAKE_VIDEOS.model_copy(update={"retrieve": RetrieveSpec(**({"k": 3} | retrieve))})


def rows(made: dict) -> list[dict]:
    return pq.read_table(made["table"]).to_pylist()


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REELFLOW_PROMPTS_PER_SHARD", "2")


@pytest.fixture
def corpus(workspace) -> str:
    pipeline("c", "fake://12?frames=60", embed_spec=FAKE)
    return "c"


@pytest.mark.usefixtures("prefect_backend")
def test_every_prompt_has_its_video_and_what_conditioned_it(workspace, corpus: str) -> None:
    made = generate(corpus, PROMPTS, FAKE_VIDEOS)
    assert (made["requests"], made["done"], made["failed"]) == (3, 3, {})
    whole = pq.read_table(made["table"])
    assert whole.schema.equals(tables.GENERATIONS)
    for row, prompt in zip(whole.to_pylist(), PROMPTS, strict=True):
        assert (row["prompt"], row["reason"], row["run"]) == (prompt, None, made["run"])
        assert (row["frames"], row["width"], row["height"], row["fps"]) == (3, 32, 16, 4)
        assert [hit["rank"] for hit in row["hits"]] == [1, 2, 3]
        assert sum(hit["weight"] for hit in row["hits"]) == pytest.approx(1)
        assert row["index_version"] and row["model_digest"] == "fake"
        assert GenerateSpec.model_validate_json(row["spec"]) == FAKE_VIDEOS
        assert (Path(made["table"]).parent / row["file"]).read_bytes()[4:8] == b"ftyp"


def test_a_second_run_makes_nothing_and_says_the_same(workspace, corpus: str) -> None:
    made = generate(corpus, PROMPTS, FAKE_VIDEOS)
    files = {f: f.stat().st_mtime_ns for f in Path(made["videos"]).iterdir()}
    again = generate(corpus, PROMPTS, FAKE_VIDEOS)
    assert {f: f.stat().st_mtime_ns for f in Path(made["videos"]).iterdir()} == files
    of_this_time = {"seconds": 0, "spared": {}, "worker_hours": 0, "gpu_hours": 0}
    assert again | of_this_time == made | of_this_time
    assert again["spared"] == {} != made["spared"]


def test_bad_prompts_are_rows_and_the_others_are_made(workspace, corpus: str) -> None:
    made = generate(corpus, [*PROMPTS, "a red circle", "word " * 80], FAKE_VIDEOS)
    assert (made["done"], made["failed"]) == (3, {"rejected": 1, "too_long": 1})
    assert [row["detail"] for row in rows(made)][3:] == [
        "the same text as 000", "80 tokens, 77 at most"
    ]  # fmt: skip


def test_where_nothing_can_be_made_the_reason_is_said(workspace, corpus: str) -> None:
    with pytest.raises(UserError, match=r"1 too_long.*80 tokens"):
        generate(corpus, ["word " * 80], FAKE_VIDEOS)


def test_without_clips_a_corpus_needs_no_index_but_must_be_there(workspace) -> None:
    with pytest.raises(UserError, match="no corpus 'c'"):
        generate("c", PROMPTS, asking(k=0))
    ingest("fake://2", "c")
    with pytest.raises(UserError, match="no index yet"):
        generate("c", PROMPTS, FAKE_VIDEOS)
    made = generate("c", PROMPTS, asking(k=0))
    assert made["done"] == 3
    assert all(row["hits"] == [] and row["index_version"] is None for row in rows(made))


def test_the_same_prompts_without_clips_start_from_the_same_seeds(workspace, corpus: str) -> None:
    with_clips, without = (
        generate(corpus, PROMPTS, FAKE_VIDEOS),
        generate(corpus, PROMPTS, asking(k=0)),
    )
    assert with_clips["run"] != without["run"]
    seeds = [[row["seed"] for row in rows(made)] for made in (with_clips, without)]
    assert seeds[0] == seeds[1]


def test_each_prompt_may_choose_its_own_videos_within_the_runs(
    workspace, corpus: str, tmp_path: Path
) -> None:
    prompts = table(tmp_path, [
        {"id": "odd", "txt": "a", "where": "number % 2 = 1"}, {"id": "any", "txt": "b"},
        {"id": "out", "txt": "c", "where": "true) or (true"[:4]},
    ])  # fmt: skip
    found = rows(generate(corpus, prompts, asking(where="number < 6")))
    numbers = {r["request_id"]: {int(h["video_id"][-6:]) for h in r["hits"]} for r in found}
    assert numbers["odd"] == {1, 3, 5}
    assert numbers["any"] | numbers["out"] <= set(range(6))


def test_a_condition_that_no_video_meets_is_said(workspace, corpus: str, caplog) -> None:
    caplog.set_level("INFO", logger="tasks.progress")
    generate(corpus, PROMPTS, asking(where="fps > 99"))
    assert caplog.text.count("fps > 99") == 1  # for all shards
    caplog.clear()
    generate(corpus, PROMPTS, asking(where="fps > 1"))
    assert "meets the condition" not in caplog.text


def test_a_prompts_condition_cannot_undo_that_of_the_run(workspace, corpus, tmp_path: Path) -> None:
    prompts = table(tmp_path, [{"id": "a", "txt": "a", "where": "true) or (true"}])
    with pytest.raises(UserError, match="cannot use"):
        generate(corpus, prompts, asking(where="number < 6"))


def test_shuffled_prompts_have_the_clips_of_others(workspace, corpus: str) -> None:
    own, others = generate(corpus, PROMPTS, FAKE_VIDEOS), generate(
        corpus, PROMPTS, FAKE_VIDEOS.model_copy(update={"shuffled": True})
    )  # fmt: skip
    found = [[[h["video_id"] for h in r["hits"]] for r in rows(made)] for made in (own, others)]
    assert sorted(found[0]) == sorted(found[1])
    assert all(mine != given for mine, given in zip(*found, strict=True))


def test_a_clip_that_cannot_be_read_any_more_is_said_in_the_row(workspace, tmp_path: Path) -> None:
    from support import golden

    clips = tmp_path / "clips"
    clips.mkdir()
    for n in range(3):
        golden.clip(clips / f"{n}.mp4", frames=20 + n)
    pipeline("c", str(clips), embed_spec=FAKE)
    (clips / "1.mp4").unlink()
    made = generate("c", ["a"], asking(dedup=1.01))
    (row,) = rows(made)
    assert {hit["video_id"] for hit in row["hits"]} == {"0", "2"}
    assert row["note"].startswith("without 1: missing")
    assert made["short_of_clips"] == 1
    shutil.rmtree(clips)


def test_what_a_run_was_asked_can_be_read_back(workspace, corpus: str) -> None:
    made = generate(corpus, PROMPTS, FAKE_VIDEOS)
    run = read_run(workspace.store, made["run"])
    assert (run.fingerprint, run.spec, run.corpus) == (made["run"], FAKE_VIDEOS, "c")
    assert [prompt.text for prompt in run.prompts] == PROMPTS
    shard = read_shard(workspace.store, run.folder, "000001", read_request)
    assert [item.request.prompt for item in shard.items] == PROMPTS[2:]
    with pytest.raises(UserError, match="no run 'nothing'"):
        read_run(workspace.store, "nothing")


def test_a_night_can_end_with_videos(workspace, tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_text("\n".join(PROMPTS))
    made = pipeline(
        "c", "fake://6?frames=60", embed_spec=FAKE, prompts=str(tmp_path / "p.txt"),
        generate_spec=FAKE_VIDEOS,
    )  # fmt: skip
    assert made["generate"]["done"] == 3


def test_the_catalogue_made_again_says_the_same(workspace, corpus: str) -> None:
    generate(corpus, [*PROMPTS, "word " * 80], FAKE_VIDEOS)
    before = _everything(workspace)
    assert before["generations"] and before["conditioning"] and before["runs"]
    workspace.rebuild_catalog()
    assert _everything(workspace) == before


def _everything(workspace) -> dict[str, list[tuple]]:
    with workspace.open_catalog() as catalog:
        found = catalog.execute("SELECT table_name FROM duckdb_tables()")
        return {name: sorted(catalog.execute(f"FROM {name}"), key=repr) for (name,) in found}


def test_how_many_prompts_are_searched_at_once_changes_no_hit(
    workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In bf16, whose last bits are the first to differ; fp32 is held by the model's own tests."""
    prompts = [f"a {size} {colour} {shape} {way}" for size in ("small", "large", "wide", "")
               for colour in ("red", "blue") for shape in ("circle", "star", "box", "ring")
               for way in ("goes up", "turns")]  # fmt: skip
    pipeline("c", "fake://40?frames=4", embed_spec=EmbedSpec(precision="bf16", every_nth=1))
    hits = {}
    for size in (64, 1, 7):
        monkeypatch.setenv("REELFLOW_PROMPTS_PER_SHARD", str(size))
        made = generate("c", prompts, asking())
        assert made["done"] == len(prompts) == 64
        hits[size] = [(row["request_id"], row["hits"]) for row in rows(made)]
        shutil.rmtree(workspace.store.local_path(f"generations/{made['run']}"))
    assert hits[1] == hits[7] == hits[64]


def test_what_a_machine_failed_is_generated_by_the_same_command(
    workspace, corpus: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = FAKE_VIDEOS.model_copy(update={"seed": 77})
    run, faults = engine.VideoGenerator.run, {"000": "crashed", "001": "rejected"}

    def fail(self: engine.VideoGenerator, batch: list) -> Iterator:
        for request in batch:
            if reason := faults.get(request.id):
                yield Failed(request.id, reason, "as planned")
            else:
                yield from run(self, [request])

    with monkeypatch.context() as patch:
        patch.setattr(engine.VideoGenerator, "run", fail)
        made = generate(corpus, PROMPTS, spec)
    assert made["failed"] == {"crashed": 1, "rejected": 1}
    again = generate(corpus, PROMPTS, spec)
    assert (again["requests"], again["failed"]) == (made["requests"], {"rejected": 1})
