"""What windows of a backfill cost: what their own videos do, not what the corpus does."""

from pathlib import Path

import pytest
from support import large
from support.corpora import FAKE
from support.scanned import Scanned, counting_scans

from data.settings import Settings
from data.shards.lists import list_pending
from data.shards.stages import Stage
from data.workspace import Workspace, open_workspace
from flows.backfill import backfill, embed_window
from tasks.embed.backfill import Budget, iter_windows
from tasks.generate.withdrawal import mark_withdrawn
from tasks.stages import register_embed

pytestmark = pytest.mark.usefixtures("plain_flows")
VIDEOS, SHARD = 960, 40


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REELFLOW_SHARD_SIZE", str(SHARD))


def whole(folder: Path, monkeypatch: pytest.MonkeyPatch, windows: int) -> Scanned:
    """A backfill of a corpus in so many windows, in a store of its own."""
    monkeypatch.setenv("REELFLOW_ROOT", str(folder / f"in-{windows}"))
    large.ingested(open_workspace(Settings()), "c", VIDEOS)
    with counting_scans() as scanned:
        made = backfill("c", "number >= 0", FAKE, VIDEOS // windows, approved=True)
    assert (made["windows"], made["left"], made["shards_left"]) == (windows, 0, 0)
    return scanned


@pytest.mark.usefixtures("workspace")
def test_many_windows_read_the_corpus_as_often_as_few(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few, many = whole(tmp_path, monkeypatch, 2), whole(tmp_path, monkeypatch, 24)
    assert many.conditions == few.conditions
    assert many.rows < few.rows + VIDEOS, (few, many)


def test_a_window_as_a_run_of_its_own_reads_its_own_videos(workspace: Workspace) -> None:
    large.ingested(workspace, "c", VIDEOS)
    stage = planned(workspace)
    with counting_scans() as scanned:
        for shard in list_pending(workspace.store, stage.folder)[:4]:
            embed_window("c", [shard], FAKE)
    assert scanned.conditions == 0
    assert scanned.rows < VIDEOS, "four windows of 40 videos each read the corpus"


def planned(workspace: Workspace) -> Stage:
    """The stage, after all of its windows were listed, and merged."""
    with workspace.open_synced_catalog("c"):
        stage = register_embed(workspace, "c", FAKE, shadow=True)
    assert len(list(iter_windows(workspace, stage, "true", SHARD, Budget(None)))) == VIDEOS // SHARD
    with workspace.open_synced_catalog("c"):
        return stage


def test_windows_leave_out_what_is_withdrawn_meanwhile(workspace: Workspace) -> None:
    large.ingested(workspace, "c", 10)
    with workspace.open_synced_catalog("c"):
        stage = register_embed(workspace, "c", FAKE, shadow=True)
    windows = iter_windows(workspace, stage, "true", 4, Budget(None))
    listed = next(windows)
    mark_withdrawn(workspace, "c", large.id_of(7), "asked")
    last = [shard for window in windows for shard in window]
    lists = [workspace.store.read(f"{stage.folder}/shards/{name}.json") for name in listed + last]
    assert sum(text.count(b'"id": "video-') for text in lists) == 9
    assert not any(large.id_of(7).encode() in text for text in lists)
