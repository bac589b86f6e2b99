"""Moments from the command's functions to tables and pages, and into generated videos."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from support.corpora import FAKE, FAKE_VIDEOS, PROMPTS

from data.records import Prompt
from data.runs.generations import read_generations, read_run
from data.specs.retrieve import RetrieveSpec
from data.store import tables
from flows.generate import generate
from flows.pipeline import pipeline
from flows.retrieve import retrieve
from tasks.retrieve.retriever import Retriever

pytestmark = pytest.mark.usefixtures("plain_flows")
MOMENTS = RetrieveSpec(k=3, moments=True, dedup=1.01)


@pytest.fixture(scope="module")
def workspace(shared_workspace, plain_flows):
    """A store with eight fakes in an index."""
    with plain_flows.switched(True):
        pipeline("c", "fake://8", embed_spec=FAKE)
    return shared_workspace


def test_hits_that_are_moments_have_spans_and_play_from_where_they_begin(
    workspace, tmp_path: Path
) -> None:
    prompts, out = tmp_path / "prompts.txt", tmp_path / "hits.parquet"
    prompts.write_text("\n".join(PROMPTS))
    made = retrieve("c", str(prompts), str(out), MOMENTS, report=str(tmp_path / "page.html"))
    table = pq.read_table(out)
    assert table.schema.equals(tables.HITS) and made["hits"] == len(table) == 9
    for hit in table.to_pylist():
        assert 0 <= hit["start_sec"] < hit["end_sec"]
    assert table["score"].to_pylist()[:3] == sorted(table["score"].to_pylist()[:3], reverse=True)
    whole = retrieve("c", str(prompts), str(out))
    assert whole["hits"] and pq.read_table(out)["start_sec"].null_count == whole["hits"]


def test_moments_follow_conditions_exclusions_and_the_query_itself(workspace) -> None:
    retriever = Retriever(workspace, "c")
    spec = MOMENTS.model_copy(update={"k": 50})
    every = {hit.video_id for hit in retriever.search_prompts([Prompt("0", "x")], spec)}
    assert len(every) == 8
    first = sorted(every)[0]
    without = spec.model_copy(update={"exclude": (first,)})
    found = {hit.video_id for hit in retriever.search_prompts([Prompt("0", "x")], without)}
    assert found == every - {first}
    only = spec.model_copy(update={"where": f"id = '{first}'"})
    found = {hit.video_id for hit in retriever.search_prompts([Prompt("0", "x")], only)}
    assert found == {first}
    assert first not in {hit.video_id for hit in retriever.search_videos([first], spec)}


def test_a_generated_video_follows_the_moment_and_not_the_rest_of_its_clip(workspace) -> None:
    spec = FAKE_VIDEOS.model_copy(update={"retrieve": MOMENTS, "fps": 25.0})
    made = generate("c", PROMPTS[:1], spec)
    assert made["failed"] == {}
    hits = Retriever(workspace, "c").search_prompts([Prompt("0", PROMPTS[0])], MOMENTS)
    spans = {(hit.video_id, hit.rank): (hit.start_sec, hit.end_sec) for hit in hits}
    (row,) = read_generations(workspace.store, read_run(workspace.store, made["run"]))
    for hit in row["hits"]:
        start, end = spans[hit["video_id"], hit["rank"]]
        assert start - 0.001 <= hit["start_s"] <= end
