from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from support.corpora import FAKE, counts, videos

from data.errors import UserError
from data.records import Prompt
from data.shards.stages import current_stage, published_version
from data.specs.pipeline import IndexSpec
from data.specs.retrieve import VIDEO_QUERIES, RetrieveSpec
from flows.embed import embed
from flows.index import index
from flows.ingest import ingest
from flows.pipeline import pipeline
from flows.pool import pool
from tasks.retrieve.retriever import Retriever

pytestmark = pytest.mark.usefixtures("plain_flows")


@pytest.mark.usefixtures("prefect_backend")
def test_pooled_vectors_are_the_normalised_means_of_normalised_frames(
    workspace, clips: Path
) -> None:
    pipeline("c", str(clips), embed_spec=FAKE)
    frames = _rows(workspace, "embed").to_pylist()
    for row in _rows(workspace, "pool").to_pylist():
        own = np.array(
            [f["vector"] for f in frames if f["video_id"] == row["video_id"]], np.float64
        )
        mean = (own / np.linalg.norm(own, axis=1, keepdims=True)).mean(axis=0)
        assert row["vector"] == pytest.approx(mean / np.linalg.norm(mean), abs=1e-6)
        assert row["frames"] == len(own)


def test_a_published_index_has_measured_recall_and_every_video(workspace) -> None:
    made = pipeline("c", "fake://30", embed_spec=FAKE)["index"]
    assert made["recall_at_10"] == {"video_recall_at_10": 1.0, "text_recall_at_10": 1.0}
    assert made["count"] == 30
    assert videos(workspace, "c", "index") == counts(30, 30)


def test_new_vectors_are_added_to_the_published_version(workspace) -> None:
    pipeline("c", "fake://30", embed_spec=FAKE)
    made = pipeline("c", "fake://33", embed_spec=FAKE)["index"]
    assert (made["version"], made["count"]) == ("v0002", 33)
    assert pipeline("c", embed_spec=FAKE)["index"]["new"] == 0


def test_below_the_gate_nothing_is_published_and_the_alias_stays(workspace, monkeypatch) -> None:
    from engines.index import recall

    pipeline("c", "fake://30", embed_spec=FAKE)
    ingest("fake://40", "c")
    embed("c", FAKE)
    pool("c")
    monkeypatch.setattr(recall, "measure_recall", lambda *_, **__: {"video_recall_at_10": 0.5})
    with pytest.raises(UserError, match=r"not published: video_recall_at_10 0\.500"):
        index("c")
    stage = current_stage(workspace.store, "c", "index")
    assert published_version(workspace.store, stage) == "v0001"
    assert videos(workspace, "c", "index") == counts(40, 30)
    assert len(Retriever(workspace, "c").search_prompts([Prompt("0", "red")], RetrieveSpec())) == 5


def test_a_changed_file_is_found_by_its_new_content_only(workspace, clips: Path) -> None:
    pipeline("c", str(clips), embed_spec=FAKE)
    (clips / "clip-0.mp4").write_bytes((clips / "clip-3.mp4").read_bytes() + b"\0")
    pipeline("c", str(clips), embed_spec=FAKE)
    hits = Retriever(workspace, "c").search_prompts(
        [Prompt("0", "any")], RetrieveSpec(k=10, dedup=1.01)
    )
    assert sorted(hit.video_id for hit in hits) == ["clip-0", "clip-1", "clip-2", "clip-3"]
    assert videos(workspace, "c", "index") == counts(4, 4)


def test_between_ingest_and_index_a_changed_file_is_not_shown_for_its_old_content(
    workspace, clips: Path
) -> None:
    pipeline("c", str(clips), embed_spec=FAKE)
    (clips / "clip-0.mp4").write_bytes((clips / "clip-3.mp4").read_bytes() + b"\0")
    ingest(str(clips), "c")
    hits = Retriever(workspace, "c").search_prompts(
        [Prompt("0", "any")], RetrieveSpec(k=10, dedup=1.01)
    )
    assert sorted(hit.video_id for hit in hits) == ["clip-1", "clip-2", "clip-3"]


def test_a_video_finds_others_but_not_itself(workspace) -> None:
    pipeline("c", "fake://30", embed_spec=FAKE)
    hits = Retriever(workspace, "c").search_videos(["fake-000003"], VIDEO_QUERIES)
    assert len(hits) == 5
    assert "fake-000003" not in [hit.video_id for hit in hits]
    assert [hit.rank for hit in hits] == [1, 2, 3, 4, 5]
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_an_index_built_in_parts_finds_what_one_built_at_once_finds(workspace, monkeypatch) -> None:
    monkeypatch.setenv("REELFLOW_SHARD_SIZE", "100")
    at_once = IndexSpec(index_key="IVF8,Flat")
    pipeline("c", "fake://600", embed_spec=FAKE, index_spec=at_once)
    prompts = [Prompt(str(n), f"colour {n}") for n in range(10)]
    one = Retriever(workspace, "c").search_prompts(prompts, RetrieveSpec(dedup=1.01))
    made = index("c", at_once.model_copy(update={"parts": 3}), rebuild=True)
    assert (made["parts"], made["count"]) == (3, 600)
    parts = Retriever(workspace, "c").search_prompts(prompts, RetrieveSpec(dedup=1.01))
    assert [h.score for h in parts] == pytest.approx([h.score for h in one], abs=0.02)


def test_an_index_in_parts_needs_a_key_with_lists(workspace) -> None:
    pipeline("c", "fake://10", embed_spec=FAKE)
    with pytest.raises(UserError, match="--key IVF1024,Flat"):
        index("c", IndexSpec(parts=2), rebuild=True)


def test_exact_and_approximate_search_agree(workspace) -> None:
    spec = IndexSpec(index_key="HNSW16")
    pipeline("c", "fake://200", embed_spec=FAKE, index_spec=spec)
    bank, prompts = Retriever(workspace, "c"), [Prompt(str(n), f"colour {n}") for n in range(10)]
    near, exact = (
        bank.search_prompts(prompts, RetrieveSpec(exact=exact)) for exact in (False, True)
    )
    same = {(h.prompt_id, h.video_id) for h in near} & {(h.prompt_id, h.video_id) for h in exact}
    assert len(same) >= 0.95 * len(exact)


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("number < 3", 3),
        ("caption LIKE 'a %'", 5),
        ("duration > 1000", 0),
        ("fps > 0 AND number = 7", 1),
    ],
)
def test_where_chooses_among_the_columns_of_catalogue_and_source(
    workspace, where, expected
) -> None:
    pipeline("c", "fake://30", embed_spec=FAKE)
    hits = Retriever(workspace, "c").search_prompts([Prompt("0", "red")], RetrieveSpec(where=where))
    assert len(hits) == expected


@pytest.mark.parametrize(
    "where",
    ["1=1) UNION SELECT 1 --", "id IN (SELECT content FROM read_text('/etc/passwd'))",
     "nonsense > 1", "true; DROP TABLE videos", "", "length(getenv('HOME')) > 0"],
)  # fmt: skip
def test_where_can_be_nothing_but_a_condition(workspace, where: str) -> None:
    pipeline("c", "fake://5", embed_spec=FAKE)
    with pytest.raises(UserError, match="cannot use"):
        Retriever(workspace, "c").search_prompts([Prompt("0", "red")], RetrieveSpec(where=where))
    assert videos(workspace, "c", "index") == counts(5, 5)


def test_a_corpus_without_an_index_says_how_to_make_it(workspace) -> None:
    ingest("fake://3", "c")
    with pytest.raises(UserError, match="reelflow run c"):
        Retriever(workspace, "c")


def _rows(workspace, kind: str):
    folder = current_stage(workspace.store, "c", kind).folder
    return pq.read_table(workspace.store.local_path(f"{folder}/shard-000000.parquet"))


def test_texts_are_not_compared_with_vectors_of_other_weights(workspace, monkeypatch) -> None:
    from engines.embed.models import fake

    pipeline("c", "fake://5", embed_spec=FAKE)
    monkeypatch.setattr(fake, "digest", lambda spec: "of other weights")
    bank = Retriever(workspace, "c")
    with pytest.raises(UserError, match="weights of"):
        bank.search_prompts([Prompt("0", "red")], RetrieveSpec())
    assert bank.search_videos(["fake-000001"], VIDEO_QUERIES)
