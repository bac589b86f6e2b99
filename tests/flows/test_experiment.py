"""The experiment as a flow, on the rehearsal's generator."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from support import golden
from support.corpora import FAKE, FAKE_VIDEOS

from data.errors import UserError
from data.specs.evaluate import EvaluateSpec
from data.specs.pipeline import ExperimentSpec, RetrieveSpec
from data.store import tables
from data.workspace import Workspace
from flows.evaluate import evaluate
from flows.experiment import experiment_retrieval
from flows.generate import generate
from flows.pipeline import pipeline
from flows.report import report
from tasks.report.leaderboard import read_board
from tasks.report.leaderboard_text import method_name, to_data

pytestmark = pytest.mark.usefixtures("plain_flows")

ROWS = [
    {"id": "a", "prompt": "a red circle", "motion": "up", "shape": "circle", "colour": "red"},
    {"id": "b", "prompt": "a blue star", "motion": "down", "shape": "star", "colour": "blue"},
    {"id": "c", "prompt": "a ring", "motion": "up", "shape": "ring", "colour": "green"},
]


def spec(**changes: object) -> ExperimentSpec:
    generated = FAKE_VIDEOS.model_copy(update={"retrieve": RetrieveSpec(k=2)})
    return ExperimentSpec(generate=generated, controllers=("one", "two"), **changes)


@pytest.fixture(scope="module")
def workspace(shared_workspace: Workspace) -> Workspace:
    return shared_workspace


@pytest.fixture(scope="module")
def prompts(
    workspace: Workspace, plain_flows: None, tmp_path_factory: pytest.TempPathFactory
) -> str:
    pipeline("c", "fake://12?frames=60", embed_spec=FAKE)
    file = tmp_path_factory.mktemp("prompts") / "prompts.jsonl"
    file.write_text("\n".join(map(json.dumps, ROWS)))
    return str(file)


@pytest.fixture(scope="module")
def made(prompts: str) -> dict:
    """An experiment that its tests look at."""
    return experiment_retrieval("c", prompts, spec())


@pytest.mark.usefixtures("prefect_backend")
def test_every_condition_is_generated_measured_and_compared(workspace, prompts: str) -> None:
    made = experiment_retrieval("c", prompts, spec(metrics=("moving_shapes", "text_similarity")))
    folder = workspace.store.local_path(f"experiments/{made['experiment']}")
    scores = pq.read_table(folder / "rows.parquet")
    assert scores.schema.equals(tables.SCORES)
    rows = scores.to_pylist()
    assert len(rows) == 7 * 3 * 3  # conditions, prompts, and what is measured
    assert {row["condition"] for row in rows} == {
        "k=0", "one k=1", "one k=2", "one shuffled", "two k=1", "two k=2", "two shuffled"
    }  # fmt: skip
    shapes = [row for row in rows if row["metric"] == "motion"]
    assert all((row["value"] == 0) == (row["reason"] is not None) for row in shapes)
    assert all(-1 <= r["value"] <= 1 for r in rows if r["metric"] == "text_similarity")
    said = json.loads((folder / "summary.json").read_text())["results"]
    assert said == made["results"] and len(said) == 7 * 3
    assert all(result["n"] == 3 for result in said)


def test_rows_of_a_leaderboard_carry_their_condition(workspace, made: dict) -> None:
    [ranking] = to_data(read_board(workspace))["tables"]
    rows = {entry["condition"]: method_name(entry) for entry in ranking["entries"]}
    # The rehearsal's controllers are one model under two names, and so are their runs.
    assert rows.keys() == {"k=0", "one k=1, two k=1", "one k=2, two k=2",
                           "one shuffled, two shuffled"}  # fmt: skip
    assert all(name.endswith(f"({condition})") for condition, name in rows.items())


def test_shuffled_clips_are_those_of_another_prompt(workspace, made: dict) -> None:
    runs = json.loads(workspace.store.read(f"experiments/{made['experiment']}/spec.json"))["runs"]
    own, other = (_clips(workspace, runs[name]) for name in ("one k=2", "one shuffled"))
    assert sorted(map(tuple, own.values())) == sorted(map(tuple, other.values()))
    assert all(own[id] != other[id] for id in own)


def test_an_experiment_again_is_the_same_and_generates_nothing(
    workspace, prompts: str, made: dict
) -> None:
    media = {
        f: f.stat().st_mtime_ns
        for f in Path(workspace.store.local_path("generations")).rglob("*.mp4")
    }
    assert experiment_retrieval("c", prompts, spec()) == made
    assert {
        f: f.stat().st_mtime_ns
        for f in Path(workspace.store.local_path("generations")).rglob("*.mp4")
    } == media


def test_results_are_in_the_catalogue_also_after_a_rebuild(workspace, made: dict) -> None:
    asked = "SELECT condition, mean, low FROM experiments WHERE experiment = $id ORDER BY 1, 2"
    with workspace.open_catalog() as catalog:
        before = catalog.execute(asked, id=made["experiment"])
    workspace.rebuild_catalog()
    with workspace.open_catalog() as catalog:
        assert catalog.execute(asked, id=made["experiment"]) == before
    assert len(before) == len(made["results"])


def test_an_experiment_has_a_page(made: dict, tmp_path: Path) -> None:
    said = report(made["experiment"], str(tmp_path / "page.html"))
    html = Path(said["page"]).read_text()
    assert "one shuffled" in html and "a blue star" in html


def _folders(workspace: Workspace) -> set[str]:
    return {*workspace.store.list_names("generations"), *workspace.store.list_names("evaluations")}


def test_the_columns_of_a_metric_are_asked_for_before_anything_is_generated(
    workspace: Workspace, prompts: str, tmp_path: Path
) -> None:
    texts, table = tmp_path / "bare.txt", tmp_path / "one.jsonl"
    texts.write_text("\n".join(row["prompt"] for row in ROWS))
    table.write_text("\n".join(map(json.dumps, [*ROWS[:2], {"id": "last", "txt": "a ring"}])))
    before = _folders(workspace)
    with pytest.raises(UserError, match=r"moving_shapes .* '000' lacks motion, shape, colour"):
        experiment_retrieval("c", str(texts), spec())
    with pytest.raises(UserError, match="'last' lacks motion, shape, colour"):
        experiment_retrieval("c", str(table), spec())
    with pytest.raises(UserError, match=r"moving_shapes"):
        pipeline("c", prompts=str(texts), measure=EvaluateSpec(metrics=("moving_shapes",)))
    assert _folders(workspace) == before


def test_a_run_s_videos_are_not_measured_by_a_metric_that_lacks_its_columns(
    workspace: Workspace, prompts: str, made: dict, tmp_path: Path
) -> None:
    run = generate("c", [row["prompt"] for row in ROWS], FAKE_VIDEOS)["run"]
    shapes = EvaluateSpec(metrics=("moving_shapes",), num_frames=None)
    before = _folders(workspace)
    with pytest.raises(UserError, match=r"moving_shapes .* lacks motion, shape, colour"):
        evaluate(run, spec=shapes)
    assert _folders(workspace) == before
    table = tmp_path / "columns.jsonl"
    table.write_text("\n".join(json.dumps(r | {"id": f"00{n}"}) for n, r in enumerate(ROWS)))
    (method,) = evaluate(run, spec=shapes, prompts=str(table))["methods"]
    assert {mean["n"] for mean in method["means"]} == {3}


def test_a_video_without_a_row_has_no_score_and_says_why(
    workspace: Workspace, made: dict, tmp_path: Path
) -> None:
    for name in ("a", "other"):
        golden.clip(tmp_path / "videos" / f"{name}.mp4", frames=4)
    table = tmp_path / "columns.jsonl"
    table.write_text(json.dumps(ROWS[0]))
    shapes = EvaluateSpec(metrics=("moving_shapes",), num_frames=None)
    (method,) = evaluate(str(tmp_path / "videos"), spec=shapes, prompts=str(table))["methods"]
    assert [(mean["n"], mean["unmeasured"]) for mean in method["means"]] == [(1, 1)] * 2


def _clips(workspace, run: str) -> dict[str, list[str]]:
    table = pq.read_table(workspace.store.local_path(f"generations/{run}/generations.parquet"))
    return {r["request_id"]: [h["video_id"] for h in r["hits"]] for r in table.to_pylist()}
