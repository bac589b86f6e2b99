"""Near-duplicates of a corpus of real files: found, grouped, left out of searches."""

import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from support.copies import write_copies
from support.deduplicated import COPIES, SPEC, build_corpus, copies_of, groups

from data.catalog import merge
from data.catalog.filters import select_videos
from data.errors import UserError
from data.records import Prompt
from data.specs.pipeline import RetrieveSpec
from data.workspace import Workspace
from flows.dedup import dedup
from flows.pipeline import pipeline
from tasks.browse.select_videos import select_videos as export_videos
from tasks.generate.withdrawal import mark_withdrawn
from tasks.retrieve.leak_files import read_clips
from tasks.retrieve.leaks import find_leaks
from tasks.retrieve.retriever import Retriever

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
    grouped = everything.model_copy(update={"exclude_groups": True})
    hits = retriever.search_videos(["clip-0~trimmed"], grouped)
    assert {hit.video_id for hit in hits} == {"clip-1", "clip-2", "clip-3"}, "its own are excluded"
    own = grouped.model_copy(update={"own": "of"})
    [*hits] = retriever.search_prompts([Prompt("0", "any", columns={"of": "clip-0"})], own)
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
