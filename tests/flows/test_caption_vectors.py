"""Vectors of captions follow the captions: corrected ones are encoded again, and searched so."""

import json
from pathlib import Path

import pytest
from support import golden

from data.records import Prompt
from data.specs.encode import CaptionSpec
from data.specs.retrieve import RetrieveSpec
from data.workspace import Workspace
from flows.caption_vectors import caption_vectors
from flows.ingest import ingest
from tasks.retrieve.stored import CaptionRetriever

pytestmark = pytest.mark.usefixtures("plain_flows")
SPEC = CaptionSpec(column="motion")
MOTIONS = {"a": "a man runs to the left", "b": "a dog jumps up and down", "c": None}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    for n, id in enumerate(MOTIONS):
        golden.clip(tmp_path / f"{id}.mp4", frames=5 + n)
    return tmp_path / "table.jsonl"


def bring_in(source: Path, motions: dict[str, str | None]) -> dict:
    rows = [
        {"videoID": id, "videoLoc": f"{id}.mp4", "txt": "a scene", "motion": motion}
        for id, motion in motions.items()
    ]
    source.write_text("\n".join(map(json.dumps, rows)))
    ingest(str(source), "c")
    return caption_vectors("c", SPEC)


def find(workspace: Workspace, text: str) -> str:
    spec = RetrieveSpec(k=1, by="caption")
    [hit] = CaptionRetriever(workspace, "c").search_prompts([Prompt("p", text)], spec)
    return hit.video_id


def test_a_corrected_caption_is_encoded_again_and_the_former_one_finds_nothing(
    workspace: Workspace, source: Path
) -> None:
    made = bring_in(source, MOTIONS)
    assert (made["done"], made["failed"]) == (2, {"empty": 1})
    assert find(workspace, "a man runs to the left") == "a"
    swapped = MOTIONS | {"a": MOTIONS["b"], "b": MOTIONS["a"]}
    assert bring_in(source, swapped)["done"] == 2
    assert find(workspace, "a man runs to the left") == "b"
    assert bring_in(source, swapped) | {"done": 0} == bring_in(source, swapped)


def test_a_clip_that_gets_a_caption_gets_a_vector_and_one_that_loses_it_has_none(
    workspace: Workspace, source: Path
) -> None:
    bring_in(source, MOTIONS)
    made = bring_in(source, MOTIONS | {"c": "a boat drifts slowly away"})
    assert made["done"] == 1
    assert find(workspace, "a boat drifts slowly away") == "c"
    bring_in(source, MOTIONS | {"a": None})
    retriever = CaptionRetriever(workspace, "c")
    assert len(retriever.contents) == 1, "of a and c nothing is said any more"
