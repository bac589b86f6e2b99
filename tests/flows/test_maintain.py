import json
import os
import time
from pathlib import Path

import pytest
from support.corpora import FAKE, videos
from support.scheduled_runs import SPEC, nights

from data.catalog.leftovers import find_leftovers
from data.shards.lists import list_done
from data.shards.stages import current_stage
from data.specs.pipeline import EmbedSpec, IndexSpec
from data.workspace import Workspace
from flows.embed import embed
from flows.ingest import ingest
from flows.maintain import maintain
from flows.pipeline import pipeline
from flows.pool import pool

pytestmark = pytest.mark.usefixtures("plain_flows")
FLAT = IndexSpec(engine="flat")


@pytest.mark.usefixtures("prefect_backend")
def test_a_video_that_changed_and_one_that_is_gone_are_told(
    workspace: Workspace, clips: Path
) -> None:
    ingest(str(clips), "c")
    assert maintain("c", canary=False)["wrong"] == 0
    first, second, *_ = sorted(clips.glob("*.mp4"))
    first.write_bytes(first.read_bytes() + b"more")
    second.unlink()
    made = maintain("c", canary=False)
    wrong = {row["id"]: row["wrong"] for row in made["examples"]}
    assert wrong.keys() == {first.stem, second.stem}
    assert "changed" in wrong[first.stem]
    assert "missing" in wrong[second.stem]


def test_leftovers_are_listed_then_removed_and_what_is_in_use_stays(workspace: Workspace) -> None:
    pipeline("c", "fake://4", embed_spec=FAKE, index_spec=FLAT)
    stage = current_stage(workspace.store, "c", "index").folder
    for version in ("v0000", "v0009", ".v0002.abcd"):  # before, never published, half-written
        _aged(workspace, f"{stage}/{version}/knn.index")
    _aged(workspace, f"{stage}/v0008/knn.index", old=False)
    _aged(workspace, "generations/abc/media/x.mp4")
    listed = maintain("c", sample=0, keep=1, canary=False)
    assert not listed["removed"]
    named = {name.rsplit("/", 1)[-1] for name in listed["leftover_names"]}
    assert named == {"v0000", "v0009", ".v0002.abcd", "x.mp4"}
    assert maintain("c", sample=0, keep=1, remove=True, canary=False)["removed"]
    assert not list(find_leftovers(workspace.store, keep=1))
    assert {"v0001", "v0008"} <= {n.rsplit("/", 1)[-1] for n in workspace.store.list_names(stage)}


def test_the_version_before_the_published_one_stays_to_go_back_to(workspace: Workspace) -> None:
    pipeline("c", "fake://4", embed_spec=FAKE, index_spec=FLAT)
    stage = current_stage(workspace.store, "c", "index").folder
    _aged(workspace, f"{stage}/v0000/knn.index")
    assert not list(find_leftovers(workspace.store, keep=2))


def test_the_command_embeds_the_canary_again_and_makes_the_catalogue_anew(
    workspace: Workspace, reelflow
) -> None:
    pipeline("c", "fake://4", embed_spec=EmbedSpec(engine="fake"), index_spec=FLAT)
    before = videos(workspace, "c", "index")
    with workspace.open_catalog() as catalog:
        catalog.execute("UPDATE videos SET caption = 'of nobody'")
    code, said, error = reelflow("maintain", "c", "--sample", "0", "--json")
    assert code == 0, error
    assert json.loads(said)["canary"] == pytest.approx(1.0)
    assert _captions(workspace) == {"of nobody"}
    assert reelflow("maintain", "c", "--sample", "0", "--no-canary", "--rebuild")[0] == 0
    assert "of nobody" not in _captions(workspace)
    assert videos(workspace, "c", "index") == before


def _captions(workspace: Workspace) -> set[str]:
    with workspace.open_catalog() as catalog:
        return {caption for (caption,) in catalog.execute("SELECT caption FROM videos")}


def test_many_small_files_are_counted_then_packed_and_everything_says_the_same(
    workspace: Workspace,
) -> None:
    stage = nights(workspace, "c", 8)
    pool("c")
    before = videos(workspace, "c", "pool")
    counted = maintain("c", sample=0, canary=False)
    assert (counted["small_files"], counted["packs"], counted["packed"]) == (16, 2, False)
    assert list_done(workspace.store, stage.folder)[0] == "000000"
    assert maintain("c", sample=0, canary=False, compact=True)["packed"]
    pooled = current_stage(workspace.store, "c", "pool")
    for each in (stage, pooled):
        assert list_done(workspace.store, each.folder) == ["000000-to-000007"]
    assert videos(workspace, "c", "pool") == before
    assert maintain("c", sample=0, canary=False)["small_files"] == 0
    assert embed("c", SPEC)["shards"] == 0


def _aged(workspace: Workspace, name: str, old: bool = True) -> None:
    """A file in the store, and its folder, of two days ago."""
    file = workspace.store.local_path(name)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"some bytes")
    then = time.time() - (2 * 86400 if old else 0)
    for path in (file, file.parent):
        os.utime(path, (then, then))
