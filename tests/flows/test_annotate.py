"""The annotate stage on fakes, and once on a video that speaks."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from support.corpora import reasons, table
from support.talking import film, spoken

from data.catalog.coverage import compute_annotated
from data.catalog.failures import Failures
from data.errors import UserError
from data.shards.lists import list_done
from data.shards.stages import current_stage
from data.specs.annotate import FakeTextSpec, SpeechSpec
from data.specs.encode import EncodeSpec
from data.store import layout
from engines.annotate.annotators import fake
from flows.annotate import annotate
from flows.ingest import ingest
from flows.retry import retry
from tasks.retrieve.texts import TextSearcher

pytestmark = pytest.mark.usefixtures("plain_flows")


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REELFLOW_SHARD_SIZE", "4")
    monkeypatch.setenv("REELFLOW_DECODE_DEADLINE_S", "6")


def rows(workspace, corpus: str, kind: str) -> list[dict]:
    stage = current_stage(workspace.store, corpus, f"annotate-{kind}")
    files = sorted(workspace.store.local_path(stage.folder).glob("shard-*.parquet"))
    return [row for file in files for row in pq.read_table(file).to_pylist()]


def listed(folder: Path, *uris: str) -> str:
    return table(folder, [{"videoID": str(n), "videoLoc": uri, "txt": ""}
                          for n, uri in enumerate(uris)])  # fmt: skip


def test_each_video_is_looked_through_once(workspace) -> None:
    ingest("fake://5", "c")
    first = annotate("c", ["fake"])["fake"]
    assert first["done"] == 5 <= first["texts"]
    assert -1 <= first["chance_cosine"] <= 1  # between texts of two videos
    assert annotate("c", ["fake"])["fake"]["done"] == 0
    ingest("fake://6", "c")
    assert annotate("c", ["fake"])["fake"]["done"] == 1
    assert {row["kind"] for row in rows(workspace, "c", "fake")} == {"fake"}
    assert len({row["video_id"] for row in rows(workspace, "c", "fake")}) == 6


def test_another_spec_has_texts_of_its_own_and_stays_in_use(workspace) -> None:
    ingest("fake://2", "c")
    first = annotate("c", ["fake"])["fake"]
    second = annotate("c", ["fake"], fake=FakeTextSpec(every_s=0.04))["fake"]
    assert first["fingerprint"] != second["fingerprint"] and second["texts"] > first["texts"]
    assert annotate("c", ["fake"])["fake"]["fingerprint"] == second["fingerprint"]


def test_a_shard_without_a_receipt_is_done_again_to_the_same_bytes(workspace) -> None:
    ingest("fake://3", "c")
    annotate("c", ["fake"])
    stage = current_stage(workspace.store, "c", "annotate-fake")
    name = layout.shard_file(stage.folder, "000000")
    before = workspace.store.read(name)
    workspace.store.delete(layout.receipt_file(stage.folder, "000000"))
    workspace.store.write(name, before[: len(before) // 2])  # cut off
    assert annotate("c", ["fake"])["fake"]["done"] == 3
    assert workspace.store.read(name) == before


def test_a_shard_whose_texts_are_cut_off_costs_the_others_nothing(workspace) -> None:
    ingest("fake://6", "c")  # two shards
    annotate("c", ["fake"])
    stage, vectors = (
        current_stage(workspace.store, "c", f"{k}-fake") for k in ("annotate", "encode")
    )
    name = layout.shard_file(stage.folder, "000000")
    before = workspace.store.read(name)
    workspace.store.write(name, before[: len(before) // 2])
    searcher = TextSearcher(workspace, "c", ["fake"])
    assert list(searcher.unread) == [name]
    assert 0 < len({hit.video_id for hit in searcher.search("frame", 99)}) <= 2
    for shard in ("000000", "000001"):  # found again by an encoder
        workspace.store.delete(layout.receipt_file(vectors.folder, shard))
    annotate("c", ["fake"])
    assert list_done(workspace.store, vectors.folder) == ["000001"]
    workspace.store.delete(layout.receipt_file(stage.folder, "000000"))  # as is said there
    assert annotate("c", ["fake"])["fake"]["done"] == 4
    assert workspace.store.read(name) == before
    assert not TextSearcher(workspace, "c", ["fake"]).unread


def test_failures_are_rows_with_reasons_and_are_tried_again_by_reason(
    workspace, tmp_path: Path, monkeypatch
) -> None:
    uris = ["fake://a", "fake://b?fault=undecodable", "fake://d?fault=hang"]
    ingest(listed(tmp_path, *uris), "c")
    summary = annotate("c", ["fake"])["fake"]
    assert summary["failed"] == {"undecodable": 1, "timeout": 1} and summary["done"] == 1
    assert summary["chance_cosine"] is None  # of one video
    assert reasons(workspace, "c") == {"1": "undecodable", "2": "timeout"}
    with workspace.open_catalog() as catalog:
        counted = compute_annotated(catalog, workspace.store, "c")["annotate-fake"]["videos"]
    assert counted == {"total": 3, "done": 1, "failed": 2, "missing": 0}
    again = annotate("c", ["fake"], retry=Failures(reasons=("undecodable",)))["fake"]
    assert again["failed"] == {"undecodable": 1}
    assert retry("c", ["timeout"])["annotate"]["fake"]["failed"] == {"timeout": 1}


def test_a_run_in_which_nothing_went_through_is_an_error(workspace, tmp_path: Path) -> None:
    ingest(listed(tmp_path, "fake://a?fault=undecodable"), "c")
    with pytest.raises(UserError, match="undecodable"):
        annotate("c", ["fake"])


def test_an_unknown_annotator_and_a_missing_model_are_named_before_any_work(
    workspace, monkeypatch
) -> None:
    ingest("fake://2", "c")
    with pytest.raises(UserError, match="speech"):
        annotate("c", ["smell"])
    monkeypatch.setattr(fake.Annotator, "load", lambda *_: pytest.fail("worked"))
    with pytest.raises(UserError, match="tinny"):
        annotate("c", ["fake", "speech"], speech=SpeechSpec(weights="tinny"))


def test_another_speech_model_does_speech_only_again(workspace, tmp_path: Path) -> None:
    film(tmp_path / "v" / "said.mp4", 5, spoken(), ["HARBOUR"])
    ingest(str(tmp_path / "v"), "c")
    first = annotate("c", ["speech", "fake"])
    assert first["speech"]["texts"] == 1
    [row] = rows(workspace, "c", "speech")
    assert "red circle" in row["text"].casefold() and row["result"] == "text"
    second = annotate("c", ["speech", "fake"], speech=SpeechSpec(beam=1))
    assert (second["speech"]["done"], second["fake"]["done"]) == (1, 0)


def test_a_video_without_sound_has_a_row_that_says_so(workspace, tmp_path: Path) -> None:
    ingest("fake://1", "c")
    assert annotate("c", ["speech"])["speech"]["without"] == {"no audio track": 1}
    [row] = rows(workspace, "c", "speech")
    assert (row["text"], row["result"]) == (None, "no audio track")


def test_former_texts_stay_current_until_another_model_has_loaded(
    workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest("fake://3", "c")
    annotate("c", ["fake"])
    before = current_stage(workspace.store, "c", "annotate-fake")

    def load(self: fake.Annotator, setup: object) -> None:
        raise UserError("no such language")

    with monkeypatch.context() as patch:
        patch.setattr(fake.Annotator, "load", load)
        with pytest.raises(UserError, match="no such language"):
            annotate("c", ["fake"], fake=FakeTextSpec(every_s=0.5))
    assert current_stage(workspace.store, "c", "annotate-fake") == before
    assert annotate("c", ["fake"], fake=FakeTextSpec(every_s=0.5))["fake"]["done"] == 3
    assert current_stage(workspace.store, "c", "annotate-fake") != before


def test_a_missing_encoder_is_named_before_any_work(workspace) -> None:
    ingest("fake://2", "c")
    with pytest.raises(UserError, match="/nowhere"):
        annotate("c", ["fake"], encode=EncodeSpec(encoder="transformers", weights="/nowhere"))
    assert current_stage(workspace.store, "c", "annotate-fake") is None
