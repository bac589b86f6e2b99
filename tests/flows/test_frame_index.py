"""The index of frames: what it holds after any history, and what searches find by it."""

import numpy as np
import pyarrow.parquet as pq
import pytest
from support.corpora import FAKE

from data.records import Prompt
from data.shards.stages import INDEX_OF_FRAMES, current_stage, published_version
from data.specs.pipeline import IndexSpec
from data.specs.retrieve import RetrieveSpec
from engines.index.index import open_index
from flows.index import index
from flows.pipeline import pipeline
from flows.withdraw import withdraw
from tasks.retrieve.retriever import Retriever

pytestmark = pytest.mark.usefixtures("plain_flows")
FRAMES = 5  # of a fake
SPEC = RetrieveSpec(k=50, moments=True, dedup=1.01)


def frames_of(workspace, corpus: str = "c"):
    """The published index of frames."""
    stage = current_stage(workspace.store, corpus, INDEX_OF_FRAMES)
    version = published_version(workspace.store, stage)
    return version, open_index(workspace.store.local_path(f"{stage.folder}/{version}"))


def held(opened) -> dict[str, list[int]]:
    """The frames in the index, by content."""
    contents, found = opened.frame_rows.videos.to_pylist(), {}
    for video, frame in opened.frame_rows.frames.tolist():
        found.setdefault(contents[video], []).append(frame)
    return {content: sorted(frames) for content, frames in found.items()}


def stored(workspace) -> int:
    """How many frame vectors there are."""
    folder = workspace.store.local_path("corpora/c/embed")
    return sum(pq.read_metadata(file).num_rows for file in folder.rglob("shard-*.parquet"))


@pytest.mark.parametrize("key", [None, "IVF4,SQ8"])
def test_every_frame_is_indexed_once_and_new_ones_are_added(workspace, key: str | None) -> None:
    pipeline("c", "fake://6", embed_spec=FAKE, index_frames=False)
    made = index("c", IndexSpec(index_key=key, gate=0.5), frames=True)
    version, first = frames_of(workspace)
    assert version == made["version"] == "v0001"
    assert made["count"] == len(first) == stored(workspace)
    assert min(made["recall_at_10"].values()) >= 0.5
    night = pipeline("c", "fake://7", embed_spec=FAKE)  # kept up to date, once there is one
    version, grown = frames_of(workspace)
    assert night[INDEX_OF_FRAMES]["version"] == version == "v0002"
    assert len(grown) == stored(workspace) and len(held(grown)) == 7
    # Rows that were there are where they were: it was extended, not built anew.
    assert np.array_equal(grown.frame_rows.frames[: len(first)], first.frame_rows.frames)
    assert all(len(set(frames)) == len(frames) for frames in held(grown).values())
    assert index("c", frames=True)["new"] == 0


def test_moments_of_videos_that_only_their_frames_bring_up_are_found(workspace) -> None:
    """One candidate by its pooled vector, and one more by its best frame."""
    pipeline("c", "fake://12", embed_spec=FAKE, index_frames=True)
    few = SPEC.model_copy(update={"candidates": 1})
    retriever = Retriever(workspace, "c")
    found = {n: {hit.video_id for hit in retriever.search_prompts([Prompt("0", n)], few)}
             for n in ("red", "a cat", "blue", "x", "y", "z")}  # fmt: skip
    assert any(len(videos) == 2 for videos in found.values())
    first = sorted(next(videos for videos in found.values() if len(videos) == 2))
    for gone in first:
        without = few.model_copy(update={"exclude": (gone,)})
        hits = retriever.search_prompts([Prompt("0", "red")], without)
        assert hits and gone not in {hit.video_id for hit in hits}
    withdraw(first[0], "c")
    hits = Retriever(workspace, "c").search_prompts([Prompt("0", "red")], SPEC)
    assert first[0] not in {hit.video_id for hit in hits} and len(hits) >= 11
