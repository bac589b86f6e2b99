"""Near-duplicates of a corpus of real files: found, grouped, left out of searches."""

import shutil
from collections.abc import Callable, Iterable, Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from support import golden
from support.copies import write_copies

import tasks.embed.canary
from data.batches import iter_batches
from data.catalog import merge
from data.catalog.database import load_sql
from data.catalog.filters import select_videos
from data.errors import UserError
from data.records import Prompt, Video
from data.shards.stages import current_stage
from data.specs.dedup import DedupSpec
from data.specs.pipeline import EmbedSpec, RetrieveSpec
from data.store import layout
from data.workspace import Workspace
from flows.dedup import dedup
from flows.pipeline import pipeline
from tasks.browse.select_videos import select_videos as export_videos
from tasks.generate.withdrawal import mark_withdrawn
from tasks.retrieve.leak_files import read_clips
from tasks.retrieve.leaks import find_leaks
from tasks.retrieve.retriever import Retriever

pytestmark = [pytest.mark.usefixtures("plain_flows"), pytest.mark.timeout(300)]
# Fakes embed the picture itself: copies by size, time and encoding are near, reframed ones are not.
SAMPLED, SPEC = EmbedSpec(engine="fake", every_nth=5), DedupSpec(threshold=0.95, candidates=0.8)
KINDS = ("re-encoded", "trimmed", "slowed down")
CANARY = [Video(f"canary/{n}", f"fake://canary{n}", "") for n in "ab"]  # as workspaces have it
COPIES = {f"clip-0~{kind.replace(' ', '-')}" for kind in KINDS}


def patches(seed: int) -> Callable[[int, tuple[int, int]], np.ndarray]:
    """Patches of colours that pass into others within ten frames, others for each seed."""
    colours = np.random.default_rng(seed).integers(0, 256, (8, 4, 4, 3))

    def draw(number: int, size: tuple[int, int]) -> np.ndarray:
        share = number % 10 / 10
        mixed = (1 - share) * colours[number // 10] + share * colours[number // 10 + 1]
        return np.kron(mixed, np.ones((size[1] // 4, size[0] // 4, 1))).astype(np.uint8)

    return draw


def write_clip(folder: Path, n: int) -> Path:
    return golden.clip(folder / f"clip-{n}.mp4", frames=50, size=(48, 32), draw=patches(n))


@pytest.fixture(scope="module")
def built(plain_flows, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four clips, three copies of the first, and the bytes of the second again: searched once."""
    folder = tmp_path_factory.mktemp("corpus")
    for n in range(4):
        write_clip(folder / "clips", n)
    write_copies(folder / "clips" / "clip-0.mp4", folder / "clips", KINDS)
    shutil.copy(folder / "clips" / "clip-1.mp4", folder / "clips" / "same.mp4")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tasks.embed.canary, "_write_clips", lambda store: CANARY)
        for name, value in (("ROOT", folder / "store"), ("RUNNER", "in_process"), ("DECODERS", 1)):
            patch.setenv(f"REELFLOW_{name}", str(value))
        pipeline("c", str(folder / "clips"), embed_spec=SAMPLED)
    return folder


@pytest.fixture
def clips(workspace: Workspace, built: Path) -> Path:
    """The folder of clips, with the corpus in the test's own store."""
    shutil.copytree(built / "store", workspace.store.root)
    return built / "clips"


def copies_of(workspace: Workspace) -> dict[str, str]:
    """What each copy is a duplicate of."""
    with workspace.open_synced_catalog("c") as catalog:
        rows = catalog.execute(load_sql("duplicates_of"), corpus="c")
    return dict(rows)


def select(workspace: Workspace, where: str) -> set[str]:
    with workspace.open_synced_catalog("c"):
        pass
    path = Path(workspace.store.root) / "catalog.duckdb"
    with select_videos(path, "c", [where], 10) as videos:
        return {id for (id,) in videos.project("id").fetchall()}


def test_copies_are_grouped_and_conditions_leave_them_out_everywhere(
    workspace: Workspace, clips: Path, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match="reelflow dedup"):
        select(workspace, "duplicate_of is null")
    made = dedup("c", SPEC, out=str(tmp_path / "groups.parquet"), report=str(tmp_path / "d.html"))
    assert (made["groups"], made["duplicates"], made["same_bytes"]) == (2, 4, 1)
    longest = "clip-0~slowed-down"
    kept = {"clip-0", *COPIES} - {longest}
    assert copies_of(workspace) == {**dict.fromkeys(kept, longest), "same": "clip-1"}
    assert select(workspace, "duplicate_of is null") == {longest, "clip-1", "clip-2", "clip-3"}
    hits = Retriever(workspace, "c").search_prompts(
        [Prompt("0", "any")], RetrieveSpec(k=9, dedup=1.1, where="duplicate_of is null")
    )
    assert {hit.video_id for hit in hits} == {longest, "clip-1", "clip-2", "clip-3"}
    rows = {row["video_id"]: row for row in pq.read_table(tmp_path / "groups.parquet").to_pylist()}
    assert rows["same"]["same_bytes"] and rows["same"]["score"] == 1.0
    assert rows["clip-0"]["speed"] == pytest.approx(1.25, abs=0.06)
    assert rows[longest]["duplicate_of"] is None
    page = (tmp_path / "d.html").read_text()
    assert page.count("<section") == 4 and "clip-0~trimmed" in page


def test_retrieval_and_the_leak_guard_exclude_by_group(workspace: Workspace, clips: Path) -> None:
    everything = RetrieveSpec(k=9, dedup=1.1, ceiling=1.1)
    excluded = everything.model_copy(update={"exclude": ("clip-0",), "exclude_groups": True})
    prompt = Prompt("0", "any")
    with pytest.raises(UserError, match="reelflow dedup"):
        Retriever(workspace, "c").search_prompts([prompt], excluded)
    dedup("c", SPEC)
    retriever = Retriever(workspace, "c")
    hits = retriever.search_prompts([prompt], excluded)
    assert {hit.video_id for hit in hits} == {"clip-1", "clip-2", "clip-3"}
    apart = everything.model_copy(update={"not_from_same": "duplicate_group"})
    hits = retriever.search_videos(["clip-0~trimmed"], apart)
    assert {hit.video_id for hit in hits} == {"clip-1", "clip-2", "clip-3"}
    with_copies = [hit.video_id for hit in retriever.search_videos(["clip-2"], apart)]
    assert len(with_copies) == 6, "a video without copies excludes none"
    leaks = find_leaks(workspace, "c", read_clips(str(clips / "clip-0.mp4")), 0.9999, groups=True)
    kinds = {leak.video_id: leak.kind for leak in leaks.leaks}
    assert kinds.pop("clip-0") == "exact" and kinds == dict.fromkeys(COPIES, "group")


def test_which_video_is_kept_is_chosen_without_comparing_again(
    workspace: Workspace, clips: Path
) -> None:
    first = dedup("c", SPEC)
    kept = {}
    for keep in ("first", "largest"):
        again = dedup("c", SPEC.model_copy(update={"keep": keep}))
        assert (again["compared"], again["fingerprint"]) == (0, first["fingerprint"])
        kept[keep] = set(copies_of(workspace).values())
    assert kept["first"] == {"clip-0", "clip-1"}
    assert "clip-1" in kept["largest"]


def test_a_later_night_compares_what_is_new_and_keeps_the_groups_names(
    workspace: Workspace, clips: Path, tmp_path: Path
) -> None:
    dedup("c", SPEC)
    names = groups(workspace)
    folder = tmp_path / "more"
    write_copies(clips / "clip-2.mp4", folder, ("re-encoded",))
    write_copies(clips / "clip-0.mp4", folder, ("resized",))
    made = pipeline("c", str(folder), dedup_spec=SPEC)["dedup"]  # as a night is asked for it
    assert (made["compared"], made["groups"]) == (2, 3)
    after = groups(workspace)
    assert after["clip-0"] == after["clip-0~resized"] == names["clip-0"]
    assert after["clip-2"] == after["clip-2~re-encoded"] not in names.values()
    assert dedup("c")["compared"] == 0
    before = after
    with workspace.open_catalog() as catalog:
        catalog.clear()
        merge.sync_all(catalog, workspace.store)
    assert groups(workspace) == before, "the catalogue is rebuilt equal"


def groups(workspace: Workspace) -> dict[str, str]:
    with workspace.open_synced_catalog("c") as catalog:
        rows = catalog.execute('SELECT id, "group" FROM duplicate_videos')
    return dict(rows)


def test_groups_name_nothing_that_is_gone(workspace: Workspace, clips: Path) -> None:
    dedup("c", SPEC)
    name = groups(workspace)["clip-0"]
    mark_withdrawn(workspace, "c", "clip-0~slowed-down", "asked")
    assert set(copies_of(workspace).values()) == {"clip-0", "clip-1"}, "at once"
    mark_withdrawn(workspace, "c", "same", "asked")
    assert set(groups(workspace)) == {"clip-0", "clip-0~re-encoded", "clip-0~trimmed"}
    export_videos(workspace, "c", "table", str(clips / "some.parquet"))
    columns = pq.read_schema(clips / "some.parquet").names
    assert not {"duplicate_of", "duplicate_group"} & set(columns), "of another corpus"
    made = dedup("c")
    assert (made["compared"], made["groups"], made["duplicates"]) == (0, 1, 2)
    assert groups(workspace)["clip-0"] == name


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

    import tasks.shard

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
