"""What the store's files say, as the catalogue says it, however many are merged at a time."""

import json
from dataclasses import asdict, replace

import pytest
from support.scheduled_runs import SPEC, embedded, video

from data.catalog import merge
from data.outcome import Failed
from data.shards.receipts import Receipt, Seconds, done_row, failed_row, write_receipt
from data.store import layout, tables
from data.workspace import Workspace
from tasks.stages import register_embed

TABLES = ("merged", "ingests", "videos", "rejects", "shards", "receipts", "outcomes")
ODD = 'tab\t, "quotes", new\nline, \\ and 映画 🎬'


def test_a_receipt_says_what_failed_and_why(workspace: Workspace) -> None:
    stage = register_embed(workspace, "c", SPEC)
    rows = (
        done_row("a", "sha256:a", 3), done_row(ODD, "sha256:b", 4),
        failed_row(Failed("c", "undecodable", ODD), "sha256:c", "pyav 1"),
        failed_row(Failed("d", "missing", ""), "d"),
    )  # fmt: skip
    seconds = Seconds(wall=5.5, read=1, decode=2, model=3, write=4)
    receipt = Receipt("000007", 2, "9", rows, seconds, 3, 4, {}, "host", "2026-01-01")
    write_receipt(workspace.store, stage.folder, receipt)
    with workspace.open_catalog() as catalog:
        merge.sync_corpus(catalog, workspace.store, "c")
        [row] = catalog.query_rows("SELECT * EXCLUDE (corpus, stage, fingerprint) FROM receipts")
        outcomes = catalog.execute(
            "SELECT shard, attempt, id, content, frames, reason, detail, decoder"
            " FROM outcomes ORDER BY content"
        )
    assert row == {
        "shard": "000007", "attempt": 2, "version": "9", "host": "host", "finished": "2026-01-01",
        "workers": 3, "decoders": 4, "done": 2, "failed": 2, "frames": 7,
        "wall": 5.5, "read": 1, "decode": 2, "model": 3, "write": 4,
    }  # fmt: skip
    assert [each[2:] for each in outcomes if each[:2] == ("000007", 2)] == [
        ("d", "d", 0, "missing", "", None),
        ("a", "sha256:a", 3, None, None, None),
        (ODD, "sha256:b", 4, None, None, None),
        ("c", "sha256:c", 0, "undecodable", ODD, "pyav 1"),
    ]


def test_receipts_that_list_failures_apart_and_no_decoder_are_merged(workspace: Workspace) -> None:
    """As 0.1.0 wrote them, at first without the decoder."""
    stage = register_embed(workspace, "c", SPEC)
    receipt = {
        "shard": "000000", "attempt": 1, "version": "1", "done": [],
        "failed": [{"id": "a", "content": "a", "reason": "gone", "detail": "why"}],
        "seconds": asdict(Seconds()), "workers": 1, "decoders": 1, "host": "h", "finished": "f",
    }  # fmt: skip
    name = layout.receipt_file(stage.folder, "000000")
    workspace.store.write(name, json.dumps(receipt).encode())
    with workspace.open_catalog() as catalog:
        merge.sync_corpus(catalog, workspace.store, "c")
        assert catalog.execute("SELECT frames FROM receipts") == [(0,)]
        assert catalog.execute("SELECT id, reason, decoder FROM latest") == [("a", "gone", None)]


def test_files_make_the_same_catalogue_one_by_one_and_all_together(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three ingests of three parts, in which videos come again; three shards of them."""
    stage = register_embed(workspace, "c", SPEC)
    for run in range(1, 4):
        said = json.dumps({"source": "one"}).encode()
        workspace.store.write(f"{layout.ingests_folder('c')}/{run:06d}.json", said)
        for part in range(3):
            seen = replace(video(0, part), content=f"sha256:{run}-{part}")
            often = replace(video(0, 9), content=f"sha256:often-{run}-{part}")
            rows = [_row(seen), _row(video(run, part)), _row(often)]
            rows.append({"id": "twice", "rejected": True})
            name = f"{layout.videos_folder('c')}/{run:06d}-{part:06d}.parquet"
            tables.write_rows(workspace.store, name, tables.VIDEOS, rows)
        embedded(workspace, stage, run, (video(run, 0), video(run, 1)))
    monkeypatch.setattr(merge, "GROUP_BYTES", 1)
    workspace.rebuild_catalog()
    before = _everything(workspace)
    monkeypatch.undo()
    workspace.rebuild_catalog()
    assert _everything(workspace) == before
    assert [len(before[name]) for name in ("videos", "rejects", "shards")] == [13, 3, 6]
    again = {row["content"] for row in before["videos"] if row["run"] == 3}
    assert {f"sha256:3-{part}" for part in range(3)} < again
    assert "sha256:often-3-2" in again


def _row(seen) -> dict:
    return {"id": seen.id, "uri": seen.uri, "content": seen.content, "rejected": False}


def _everything(workspace: Workspace) -> dict[str, list]:
    with workspace.open_catalog() as catalog:
        return {
            name: sorted(catalog.query_rows(f"SELECT * FROM {name}"), key=str) for name in TABLES
        }
