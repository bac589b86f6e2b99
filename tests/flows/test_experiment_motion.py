"""The experiment with motion as a flow, on the rehearsal's generator."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from support.corpora import FAKE, FAKE_VIDEOS

from data.errors import UserError
from data.specs.distance import ClipSpec, DistanceSpec
from data.specs.pipeline import ExperimentSpec, RetrieveSpec
from data.workspace import Workspace
from flows.experiment import experiment_motion
from flows.pipeline import pipeline
from flows.report import report

pytestmark = pytest.mark.usefixtures("plain_flows")

SPEC = ExperimentSpec(
    generate=FAKE_VIDEOS.model_copy(update={"retrieve": RetrieveSpec(k=3)}),
    controllers=("release",), metrics=("moving_ways",),
)  # fmt: skip
ALL = ["k=0", "context k=1", "context k=3", "context shuffled", "best k=1", "mean k=3",
       "backwards k=3", "truth k=1"]  # fmt: skip


@pytest.fixture(scope="module")
def workspace(shared_workspace: Workspace) -> Workspace:
    return shared_workspace


@pytest.fixture(scope="module")
def truths(workspace: Workspace, plain_flows: None) -> list[str]:
    """The clip that each prompt's video should have been: its best hit, if it were asked."""
    pipeline("c", "fake://12?frames=60", embed_spec=FAKE)
    with workspace.open_catalog() as catalog:
        return [id for (id,) in catalog.execute("SELECT id FROM videos ORDER BY id LIMIT 3")]


@pytest.fixture(scope="module")
def prompts(truths: list[str], tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("prompts") / "prompts.jsonl"
    looks = {"motion": "up-left", "shape": "ring", "colour": "red"}
    rows = [
        {"id": name, "txt": f"something goes {name}", "truth": truth} | looks
        for name, truth in zip("abc", truths, strict=True)
    ]
    file.write_text("\n".join(map(json.dumps, rows)))
    return str(file)


@pytest.fixture(scope="module")
def made(prompts: str) -> dict:
    return experiment_motion("c", prompts, SPEC, truth="truth")


def read_hits(workspace: Workspace, made: dict) -> dict[str, dict[str, list[str]]]:
    """The ids of each prompt's clips, by condition."""
    spec = json.loads(workspace.store.read(f"experiments/{made['experiment']}/spec.json"))
    tables = {
        condition: pq.read_table(
            workspace.store.local_path(f"generations/{run}/generations.parquet")
        )
        for condition, run in spec["runs"].items()
    }
    return {
        condition: {r["prompt_id"]: [h["video_id"] for h in r["hits"]] for r in table.to_pylist()}
        for condition, table in tables.items()
    }


def test_every_use_of_motion_and_every_control_is_measured(made: dict) -> None:
    measured = [r["condition"] for r in made["results"] if r["metric"] == "heading"]
    assert measured == ALL
    assert {r["metric"] for r in made["results"]} == {"heading", "appearance"}
    assert [verdict.partition(" against")[0] for verdict in made["verdicts"]] == [
        "appearance: context k=3", "heading: context k=3",
    ]  # fmt: skip


def test_the_clip_that_a_video_should_have_been_moves_it_in_one_condition_alone(
    workspace: Workspace, made: dict, truths: list[str]
) -> None:
    hits = read_hits(workspace, made)
    named = dict(zip("abc", truths, strict=True))
    assert hits["truth k=1"] == {id: [truth] for id, truth in named.items()}
    for condition in set(ALL) - {"truth k=1"}:
        assert all(named[id] not in ids for id, ids in hits[condition].items()), condition
    assert hits["backwards k=3"] == hits["mean k=3"] == hits["context k=3"]
    assert hits["context shuffled"] != hits["context k=3"]


def test_some_conditions_may_be_chosen_and_are_not_generated_again(
    workspace: Workspace, prompts: str, made: dict
) -> None:
    runs = set(workspace.store.list_names("generations"))
    some = experiment_motion("c", prompts, SPEC, "truth", ["truth k=1"])
    assert {r["condition"] for r in some["results"]} == {"k=0", "truth k=1"}
    assert not some["verdicts"], "the best clip alone was not measured"
    assert set(workspace.store.list_names("generations")) == runs
    with pytest.raises(UserError, match=r"no condition 'context k=9'.*context k=3"):
        experiment_motion("c", prompts, SPEC, "truth", ["context k=9"])


def test_a_clip_that_is_not_there_is_named_before_anything_is_generated(
    workspace: Workspace, prompts: str, tmp_path: Path
) -> None:
    runs = set(workspace.store.list_names("generations"))
    file = tmp_path / "prompts.jsonl"
    rows = [json.loads(line) for line in Path(prompts).read_text().splitlines()]
    file.write_text("\n".join(json.dumps(row | {"truth": "nothing"}) for row in rows))
    with pytest.raises(UserError, match=r"'nothing'.*column truth"):
        experiment_motion("c", str(file), SPEC, truth="truth")
    with pytest.raises(UserError, match="column right"):
        experiment_motion("c", str(file), SPEC, truth="right")
    retrieve = SPEC.generate.retrieve.model_copy(update={"by": "motion"})
    oracle = SPEC.generate.model_copy(update={"retrieve": retrieve})
    with pytest.raises(UserError, match="by motion"):
        experiment_motion("c", prompts, SPEC.model_copy(update={"generate": oracle}), "truth")
    assert set(workspace.store.list_names("generations")) == runs


def test_its_page_says_what_is_compared(made: dict, tmp_path: Path) -> None:
    html = Path(report(made["experiment"], str(tmp_path / "page.html"))["page"]).read_text()
    for said in ("Does retrieved motion help?", "backwards k=3", "something goes a"):
        assert said in html


def test_its_conditions_are_as_far_from_the_corpus_as_each_says(
    workspace: Workspace, prompts: str, tmp_path: Path
) -> None:
    """With the distance of real clips from others beside it, and on the page."""
    how = DistanceSpec(clip=ClipSpec(extractor="pixel_stats"))
    found = experiment_motion("c", prompts, SPEC, only=["best k=1"], distance=how)
    rows = found["distances"]
    assert [row["condition"] for row in rows] == ["k=0", "best k=1"]
    for row in rows:
        measured = json.loads(workspace.store.read(f"distances/{row['distance']}/result.json"))
        assert measured["protocol"]["frames"] == SPEC.generate.frames
        assert measured["protocol"]["fps"] == SPEC.generate.fps
        assert row["n"] == 3 and row["value"] > 0 and row["floor"] > 0
        assert row["floor"] == measured["floor"]["real_against_real"]["value"]
    page = tmp_path / "page.html"
    report(found["experiment"], out=str(page))
    assert f"<td>{rows[1]['value']:.2f}</td><td>{rows[1]['floor']:.2f}</td>" in page.read_text()


def test_weights_that_are_not_there_end_it_before_anything_is_generated(
    workspace: Workspace, prompts: str, tmp_path: Path
) -> None:
    """Of metrics, and of the distance."""
    looking = SPEC.model_copy(update={"metrics": ("dino_similarity",), "controllers": ("new",)})
    there = set(workspace.store.list_names("generations"))
    with pytest.raises(UserError, match="dino"):
        experiment_motion("c", prompts, looking, weights=str(tmp_path))
    i3d = DistanceSpec(clip=ClipSpec(extractor="i3d_k400", weights=str(tmp_path / "none.pt")))
    with pytest.raises(UserError, match="9 or more frames, not 3"):
        experiment_motion("c", prompts, SPEC, distance=i3d)
    longer = SPEC.model_copy(update={"generate": SPEC.generate.model_copy(update={"frames": 16})})
    with pytest.raises(UserError, match=r"none\.pt"):
        experiment_motion("c", prompts, longer, distance=i3d)
    assert set(workspace.store.list_names("generations")) == there
