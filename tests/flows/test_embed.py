import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support import golden
from support.corpora import FAKE, counts, reasons, videos

from data.errors import UserError
from data.shards.lists import list_done
from data.shards.stages import current_stage
from data.specs.pipeline import EmbedSpec
from data.store.frame_vectors import frame_schema
from flows.embed import embed
from flows.ingest import ingest
from flows.retry import retry

pytestmark = pytest.mark.usefixtures("plain_flows")


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REELFLOW_SHARD_SIZE", "4")
    monkeypatch.setenv("REELFLOW_DECODE_DEADLINE_S", "6")


@pytest.mark.usefixtures("prefect_backend")
def test_frame_vectors_carry_frame_numbers_and_times(workspace, clips: Path) -> None:
    ingest(str(clips), "c")
    embed("c", EmbedSpec(engine="fake", every_nth=5))
    stage = current_stage(workspace.store, "c", "embed")
    table = pq.read_table(workspace.store.local_path(f"{stage.folder}/shard-000000.parquet"))
    assert table.schema.equals(frame_schema(32))
    first = table.filter(np.array(table["video_id"].to_pylist()) == "clip-1").to_pylist()
    assert [row["frame"] for row in first] == [0, 5, 10, 15]
    assert [row["t_seconds"] for row in first] == pytest.approx([0, 0.2, 0.4, 0.6])


def test_a_second_run_does_nothing_and_a_new_video_is_all_that_a_third_does(workspace) -> None:
    ingest("fake://10", "c")
    assert embed("c", FAKE)["done"] == 10
    before = _receipts(workspace)
    assert embed("c", FAKE)["shards"] == 0
    ingest("fake://11", "c")
    assert embed("c", FAKE)["done"] == 1
    assert _receipts(workspace)[: len(before)] == before


def test_bad_videos_are_rows_with_reasons_and_the_others_are_done(workspace) -> None:
    ingest("fake://12?undecodable=2&hang=1&exit=1&empty=1", "c")
    made = embed("c", FAKE)
    assert made["done"] == 7
    assert made["failed"] == {"undecodable": 2, "timeout": 1, "crashed": 1, "empty": 1}
    assert sorted(reasons(workspace, "c").values()) == [
        "crashed", "empty", "timeout", "undecodable", "undecodable"
    ]  # fmt: skip
    assert videos(workspace, "c", "embed") == counts(12, 7, 5)
    assert videos(workspace, "c", "pool") == counts(12, 0, 5)


def test_only_failures_of_the_reason_asked_for_are_tried_again(workspace) -> None:
    ingest("fake://6?undecodable=1&empty=2", "c")
    embed("c", FAKE)
    made = retry("c", ["empty"])
    assert made["embed"]["failed"] == {"empty": 2}
    with workspace.open_catalog() as catalog:
        attempts = catalog.execute("SELECT reason, attempt FROM latest WHERE reason IS NOT NULL")
    assert sorted(attempts) == [("empty", 2), ("empty", 2), ("undecodable", 1)]


def test_nothing_through_is_an_error_that_counts_the_reasons(workspace) -> None:
    ingest("fake://3?undecodable=3", "c")
    with pytest.raises(UserError, match=r"3 undecodable.*reelflow failures c"):
        embed("c", FAKE)
    assert videos(workspace, "c", "embed") == counts(3, 0, 3)


def test_another_spec_has_vectors_of_its_own(workspace) -> None:
    ingest("fake://3", "c")
    first, second = embed("c", FAKE), embed("c", FAKE.model_copy(update={"every_nth": 2}))
    assert first["fingerprint"] != second["fingerprint"]
    assert second["done"] == 3
    assert embed("c", FAKE)["shards"] == 0


@pytest.mark.real_canary
def test_a_drifted_canary_stops_the_run_before_anything_is_stored(workspace, monkeypatch) -> None:
    from engines.embed.models import fake

    ingest("fake://3", "c")
    embed("c", FAKE)
    ingest("fake://4", "c")
    upside_down = fake.Embedder.embed_images
    monkeypatch.setattr(
        fake.Embedder, "embed_images", lambda self, pixels: upside_down(self, pixels[:, ::-1])
    )
    with pytest.raises(UserError, match="canary drifted"):
        embed("c", FAKE)
    assert videos(workspace, "c", "embed") == counts(4, 3)


def test_a_receipt_says_where_the_time_went(workspace, clips: Path) -> None:
    ingest(str(clips), "c")
    made = embed("c", FAKE)
    stage = current_stage(workspace.store, "c", "embed")
    receipt = json.loads(workspace.store.read(f"{stage.folder}/receipts/000000.json"))
    assert receipt["seconds"]["decode"] > 0
    assert receipt["seconds"]["wall"] > 0
    assert set(made["busy"]) == {"read", "decode", "model", "write"}
    assert " busy " in made["bottleneck"]


def test_an_unknown_corpus_is_named_with_those_there_are(workspace) -> None:
    ingest("fake://1", "there")
    with pytest.raises(UserError, match=r"there.*reelflow ingest"):
        embed("c", FAKE)


def test_the_catalogue_made_again_says_the_same(workspace) -> None:
    ingest("fake://9?undecodable=1", "c")
    embed("c", FAKE)
    retry("c", ["undecodable"])
    before = _everything(workspace)
    workspace.rebuild_catalog()
    assert _everything(workspace) == before


def _receipts(workspace) -> list[bytes]:
    folder = current_stage(workspace.store, "c", "embed").folder
    shards = list_done(workspace.store, folder)
    return [workspace.store.read(f"{folder}/receipts/{shard}.json") for shard in shards]


def _everything(workspace) -> dict[str, list[tuple]]:
    with workspace.open_catalog() as catalog:
        found = catalog.execute("SELECT table_name FROM duckdb_tables()")
        return {name: sorted(catalog.execute(f"FROM {name}"), key=repr) for (name,) in found}


def test_videos_in_a_table_are_embedded_and_what_is_damaged_is_counted(
    workspace, tmp_path: Path
) -> None:
    whole = golden.clip(tmp_path / "whole.mp4", options={"g": "12", "bf": "0"})
    hurt = golden.clip(tmp_path / "hurt.mp4", options={"g": "12", "bf": "0"})
    golden.destroy_packet(hurt, 19)
    rows = [
        {"video": {"bytes": clip.read_bytes(), "path": clip.name}, "caption": [clip.stem, "again"]}
        for clip in (whole, hurt)
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "lang=en.parquet")
    columns = {"videoLoc": "video", "videoID": "video.path", "txt": "caption"}
    assert ingest(str(tmp_path / "lang=en.parquet"), "c", columns=columns)["new"] == 2
    made = embed("c", EmbedSpec(engine="fake", every_nth=5))
    assert (made["done"], made["damaged_packets"]) == (2, 1)
    (receipt,) = [json.loads(text) for text in _receipts(workspace)]
    assert [(row["id"], row.get("damaged")) for row in receipt["rows"]] == [
        ("whole.mp4", None), ("hurt.mp4", 1),
    ]  # fmt: skip
    strict = embed("c", EmbedSpec(engine="fake", every_nth=5, max_damaged=0.0))
    assert (strict["done"], strict["failed"]) == (1, {"undecodable": 1})


def test_vectors_stay_current_until_another_model_has_loaded(
    workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest("fake://3", "c")
    embed("c", FAKE)
    before = current_stage(workspace.store, "c", "embed")
    other = FAKE.model_copy(update={"every_nth": 3})

    def check(run: object) -> None:
        raise UserError("does not fit the model")

    with monkeypatch.context() as patch:
        patch.setattr("flows.embed.check_canary", check)
        with pytest.raises(UserError, match="does not fit"):
            embed("c", other)
    assert current_stage(workspace.store, "c", "embed") == before
    assert embed("c", other)["done"] == 3
    assert current_stage(workspace.store, "c", "embed") != before
