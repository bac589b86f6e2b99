"""A search for near-duplicates that is cut short, or whose frames and files cannot be read."""

import shutil
from collections.abc import Callable, Iterable, Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from support.copies import write_copies
from support.deduplicated import SPEC, build_corpus, groups, write_clip

import tasks.shard
from data.batches import iter_batches
from data.errors import UserError
from data.shards.stages import current_stage
from data.store import layout
from data.workspace import Workspace
from flows.dedup import dedup
from flows.pipeline import pipeline

pytestmark = [pytest.mark.usefixtures("plain_flows"), pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def built(plain_flows, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    build_corpus(folder)
    return folder


@pytest.fixture
def clips(workspace: Workspace, built: Path) -> Path:
    """The folder of clips, with the corpus in the test's own store."""
    shutil.copytree(built / "store", workspace.store.root)
    return built / "clips"


def test_a_run_that_was_cut_short_goes_on_where_it_was(
    workspace: Workspace, clips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.dedup.plan.SHARD", 3)
    whole = dedup("c", SPEC.model_copy(update={"neighbours": 19}))
    written, calls = "tasks.shard.write_receipt", []

    def cut(store, folder, receipt) -> None:
        if "/dedup/" in folder and len(calls) == 1:
            raise UserError("killed")
        calls.append(receipt.shard)
        original(store, folder, receipt)

    original = tasks.shard.write_receipt
    monkeypatch.setattr(written, cut)
    with pytest.raises(UserError, match="killed"):
        dedup("c", SPEC)
    stage = current_stage(workspace.store, "c", "dedup")
    assert stage is not None and stage.fingerprint == whole["fingerprint"], "the former groups"
    monkeypatch.setattr(written, original)
    made = dedup("c", SPEC)
    assert made["compared"] == 7 - 3
    same = ("pairs", "groups", "videos", "duplicates", "largest")
    assert [made[key] for key in same] == [whole[key] for key in same]


def pair_tables(workspace: Workspace, fingerprint: str) -> dict[str, bytes]:
    folder = layout.stage_folder("c", "dedup", fingerprint)
    names = workspace.store.list_names(folder, ".parquet")
    return {name: workspace.store.read(name) for name in names if "/shard-" in name}


class ThreeWorkers:
    """Three engines of one factory; batches go to them in turn, and come back in any order."""

    waited_s = 0.0

    def __init__(self, *_: object) -> None:
        self._engines: list[Any] = []

    def map(self, make: Callable[[], Any], items: Iterable, batch: int) -> Iterator:
        self._engines = self._engines or [make() for _ in range(3)]
        for engine in self._engines:
            engine.load()
        turns = zip(iter_batches(items, 2), cycle(self._engines), strict=False)
        outcomes = [each for some, engine in turns for each in engine.run(some)]
        yield from reversed(outcomes)

    def close(self) -> None:
        for engine in self._engines:
            engine.close()


def test_any_number_of_workers_writes_the_same_bytes_in_whatever_order(
    workspace: Workspace, clips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = dedup("c", SPEC)
    alone = pair_tables(workspace, made["fingerprint"])
    workspace.store.delete(layout.stage_folder("c", "dedup", made["fingerprint"]))
    monkeypatch.setattr("tasks.service.runner._make_runner", ThreeWorkers)
    assert dedup("c", SPEC)["pairs"] == made["pairs"] > 0
    assert pair_tables(workspace, made["fingerprint"]) == alone != {}


def test_frames_that_cannot_be_read_are_rows_and_are_compared_once_they_are_back(
    workspace: Workspace, clips: Path, tmp_path: Path
) -> None:
    write_copies(clips / "clip-2.mp4", tmp_path / "more", ("re-encoded",))
    pipeline("c", str(tmp_path / "more"))  # its frames are in a file of their own
    embed = current_stage(workspace.store, "c", "embed")
    assert embed is not None
    name = sorted(workspace.store.list_names(embed.folder, ".parquet"))[-1]
    whole = workspace.store.read(name)
    workspace.store.delete(name)
    made = dedup("c", SPEC)
    assert made["not_compared"] and made["groups"] == 2, "the others are compared"
    workspace.store.write(name, whole[: len(whole) // 2])
    assert (dedup("c", SPEC)["not_compared"], failures(workspace)) == (1, {"undecodable"})
    workspace.store.write(name, whole)
    damaged = dedup("c", SPEC)
    assert damaged["groups"] == 2, "what is damaged is not tried every night"
    fresh = dedup("c", SPEC.model_copy(update={"neighbours": 19}))
    assert (fresh["not_compared"], fresh["groups"]) == (0, 3)


def failures(workspace: Workspace) -> set[str]:
    with workspace.open_catalog() as catalog:
        rows = catalog.execute("SELECT DISTINCT reason FROM latest WHERE stage = 'dedup'")
    return {reason for (reason,) in rows if reason}


def test_a_video_that_is_gone_or_another_one_now_is_a_row_and_not_a_pair(
    workspace: Workspace, clips: Path
) -> None:
    (clips / "clip-0~trimmed.mp4").rename(clips / "away.mp4")
    write_clip(clips / "other", 7)
    shutil.copy(clips / "other/clip-7.mp4", clips / "clip-0~slowed-down.mp4")
    spec = SPEC.model_copy(update={"pictures": 0.7})
    made = dedup("c", spec)
    assert made["not_compared"] > 0 and failures(workspace) == {"missing"}
    assert not {"clip-0~trimmed", "clip-0~slowed-down"} & set(groups(workspace))
    (clips / "away.mp4").rename(clips / "clip-0~trimmed.mp4")
    again = dedup("c", spec)
    assert 0 < again["compared"] + again["not_compared"] <= made["not_compared"]
    assert "clip-0~trimmed" in groups(workspace)
