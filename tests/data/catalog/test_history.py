import pytest

from data.catalog.history import read_history, sum_busy_seconds
from data.catalog.merge import sync_stage
from data.shards.receipts import Receipt, Seconds, done_row, write_receipt
from data.shards.stages import Stage
from data.workspace import Workspace


@pytest.mark.parametrize(
    ("spans", "seconds"),
    [
        ([], 0),
        ([(0, 10), (5, 15)], 15),
        ([(0, 10), (2, 3)], 10),
        ([(100_000, 100_010), (0, 10)], 20),
    ],
)
def test_time_between_runs_and_time_shared_by_shards_do_not_count(spans, seconds) -> None:
    assert sum_busy_seconds(spans) == seconds


def test_receipts_of_all_runs_are_added_up(workspace: Workspace) -> None:
    stage = Stage("c", "embed", "f")
    for shard, finished in (("0", "2026-01-01T00:00:10+00:00"), ("1", "2026-01-02T00:00:10+00:00")):
        rows = (done_row(shard, shard, 30),)
        seconds = Seconds(wall=10, decode=8, model=2)
        write_receipt(
            workspace.store, stage.folder,
            Receipt(shard, 1, "1", rows, seconds, decoders=2, finished=finished),
        )  # fmt: skip
    with workspace.open_catalog() as catalog:
        sync_stage(catalog, workspace.store, "c", "embed", "f")
        found = read_history(catalog, stage)
    assert (found.frames, found.load.wall, found.frames_per_second) == (60, 20, 3)
    assert found.load.busy_shares()["decode"] == 0.4


def test_a_stage_without_receipts_has_no_rate(workspace: Workspace) -> None:
    with workspace.open_catalog() as catalog:
        found = read_history(catalog, Stage("c", "embed", "f"))
    assert (found.frames, found.frames_per_second, found.video_hours_per_day) == (0, 0, 0)
