"""What prompts say of their own videos decides their clips; one that is wrong costs no other."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from support import golden, motionrag
from support.corpora import FAKE

from data.records import Prompt
from data.specs.motion import MotionFeaturesSpec, MotionSpec
from data.specs.pipeline import GenerateSpec, RetrieveSpec
from data.store.motion_features import StoredFeatures
from data.workspace import Workspace
from flows.generate import generate
from flows.motion_features import motion_features
from flows.pipeline import pipeline
from tasks.generate.requests import build_run

pytestmark = pytest.mark.usefixtures("plain_flows")
CLIPS = 3


@pytest.fixture(scope="module")
def workspace(shared_workspace: Workspace) -> Workspace:
    return shared_workspace


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, plain_flows: None) -> Path:
    """A base, a release for it, a described corpus "c", and a picture to start from."""
    folder = tmp_path_factory.mktemp("motion")
    motionrag.write_pipeline(folder)
    for n in range(CLIPS):
        golden.clip(folder / "clips" / f"clip-{n}.mp4", frames=12 + n)
    pipeline("c", str(folder / "clips"), embed_spec=FAKE)
    motion_features("c", MotionFeaturesSpec(controller=str(folder / "release"), frames=4))
    return folder


def spec(folder: Path, **fields: object) -> GenerateSpec:
    return GenerateSpec(**{
        "engine": "motionrag", "base": str(folder / "base"), "precision": "fp32", "width": 32,
        "height": 32, "frames": 4, "steps": 1, "controller": str(folder / "release"),
        "retrieve": RetrieveSpec(k=CLIPS, dedup=1.01),
    } | fields)  # fmt: skip


def read_rows(folder: Path, rows: list[dict], asked: GenerateSpec) -> dict[str, dict]:
    """The rows that generation makes of prompts, by prompt."""
    prompts = folder / "prompts.jsonl"
    prompts.write_text("\n".join(json.dumps(row | {"image": "own.png"}) for row in rows))
    table = generate("c", str(prompts), asked)["table"]
    return {row["prompt_id"]: row for row in pq.read_table(table).to_pylist()}


def test_columns_that_decide_clips_name_another_run_and_others_do_not(workspace, folder) -> None:
    def name(**columns: str) -> str:
        prompts = [Prompt("p", "a ball", columns=columns), Prompt("q", "a box")]
        asked = spec(folder, retrieve=RetrieveSpec(k=2, own="of"))
        return build_run(workspace, "c", asked, prompts).fingerprint

    assert name(of="clip-0") == name(of="clip-0", note="any") == name(OF="clip-0")
    assert len({name(of="clip-0"), name(of="clip-1"), name()}) == 3


def test_a_run_knows_which_prompt_takes_which_motion(workspace, folder) -> None:
    def name(*sources: str) -> str:
        prompts = [Prompt(id, id, columns={"of": of}) for id, of in zip("pq", sources, strict=True)]
        asked = spec(folder, motion=MotionSpec(source_column="of"))
        return build_run(workspace, "c", asked, prompts).fingerprint

    assert name("clip-0", "clip-1") != name("clip-1", "clip-0")


def test_a_video_that_is_not_there_costs_the_prompt_that_names_it_alone(folder) -> None:
    rows = [{"id": "a", "txt": "a", "of": "clip-1"}, {"id": "b", "txt": "b", "of": "nothing"}]
    made = read_rows(folder, rows, spec(folder, motion=MotionSpec(source_column="OF")))
    assert made["a"]["hits"][0]["video_id"] == "clip-1" and made["a"]["reason"] is None
    assert made["b"]["reason"] == "missing" and "'nothing'" in made["b"]["detail"]


def test_a_clip_that_is_not_described_yet_is_decoded(
    folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    lookup, seen = StoredFeatures.__call__, list[str]()

    def forget_first(self: StoredFeatures, content: str) -> object:
        seen.append(content)
        return None if content == seen[0] else lookup(self, content)

    monkeypatch.setattr(StoredFeatures, "__call__", forget_first)
    [row] = read_rows(folder, [{"id": "a", "txt": "a ball"}], spec(folder, seed=5)).values()
    assert len(row["hits"]) == CLIPS == len(set(seen)) and row["note"] is None


def test_the_clips_of_another_prompt_never_hold_the_prompts_own(folder) -> None:
    rows = [{"id": f"p{n}", "txt": f"take {n}", "of": f"clip-{n}"} for n in range(CLIPS)]
    retrieve = RetrieveSpec(k=1, dedup=1.01, own="of")
    made = read_rows(folder, rows, spec(folder, retrieve=retrieve, shuffled=True))
    for row in rows:
        [hit] = made[row["id"]]["hits"]
        assert hit["video_id"] != row["of"] and hit["rank"] == 1
