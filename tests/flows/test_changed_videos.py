"""Scores are of a content: where a video has changed since, tables and pages say so."""

import json
from pathlib import Path

import fsspec
import pytest
from support import golden
from support.corpora import FAKE, FAKE_VIDEOS, PROMPTS
from support.pages import Tags

from data.runs.generations import read_generations, read_run
from data.specs.evaluate import EvaluateSpec
from data.specs.pipeline import ExperimentSpec, RetrieveSpec
from data.store import tables
from data.workspace import Workspace
from flows.evaluate import evaluate
from flows.experiment import experiment_retrieval
from flows.generate import generate
from flows.pipeline import pipeline
from flows.report import report
from flows.withdraw import withdraw
from tasks.report.leaderboard import read_board, write_leaderboard

pytestmark = pytest.mark.usefixtures("plain_flows")
STEADY = EvaluateSpec(metrics=("temporal_consistency",), num_frames=None)


@pytest.fixture(scope="module")
def workspace(shared_workspace: Workspace) -> Workspace:
    return shared_workspace


@pytest.fixture(scope="module")
def corpus(workspace: Workspace, plain_flows: object) -> str:
    """One for all tests, which withdraw a video each of a run of their own."""
    pipeline("c", "fake://24?frames=60", embed_spec=FAKE)
    return "c"


def generated(corpus: str, seed: int) -> str:
    spec = FAKE_VIDEOS.model_copy(update={"seed": seed})
    return generate(corpus, PROMPTS, spec)["run"]


def regenerate(corpus: str, run: str, workspace: Workspace) -> list[str]:
    """Withdraws a clip that conditioned some of a run's videos; the requests made again."""
    video = rows_of(workspace, run)[0]["hits"][0]["video_id"]
    said = withdraw(video, corpus, regenerate=True)
    return sorted({o["request_id"] for o in said["outputs"] if o["run"] == run})


def rows_of(workspace: Workspace, run: str) -> list[dict]:
    return list(read_generations(workspace.store, read_run(workspace.store, run)))


def board_html(workspace, page: Path) -> str:
    write_leaderboard(workspace, read_board(workspace), page)
    return page.read_text()


def test_a_video_generated_again_has_no_score_until_it_is_measured_again(
    workspace, corpus: str, tmp_path: Path
) -> None:
    run = generated(corpus, 1)
    old = evaluate(run, spec=STEADY)["evaluation"]
    assert not any("changed" in note for note in read_board(workspace).tables[0].notes)
    before = read_board(workspace).summaries[0].methods[0].means[0]
    again = regenerate(corpus, run, workspace)
    table = read_board(workspace).tables[0]
    (note,) = [note for note in table.notes if "changed since" in note]
    assert note.startswith(f"⚑ {old}: ") and all(id in note for id in again[:3])
    assert f"reelflow evaluate {run}" in note
    assert [entry.changed for entry in table.entries] == [len(again)]
    after = read_board(workspace).summaries[0].methods[0].means[0]
    assert (after.n, after.clips) == (before.n - len(again), before.n - len(again))
    html = board_html(workspace, tmp_path / "old.html")
    assert html.count("changed since it was measured") == len(again)
    assert html.count("<dt>T-Cons</dt>") == len(rows_of(workspace, run)) - len(again)
    new = evaluate(run, spec=STEADY)["evaluation"]
    assert new != old
    (entry,) = [e for e in read_board(workspace).tables[0].entries if e.evaluation]
    assert (entry.evaluation, entry.changed) == (new, 0)
    assert "changed since" not in board_html(workspace, tmp_path / "new.html")
    (named,) = read_board(workspace, [old]).summaries  # asked for by name it is shown, and flagged
    assert named.evaluation == old


def test_a_file_replaced_in_a_folder_has_no_score_any_more(workspace, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    for name in "ab":
        golden.clip(folder / f"{name}.mp4", frames=4)
    old = evaluate(str(folder), spec=STEADY)["evaluation"]
    assert read_board(workspace).measured[old].changed == {}
    golden.clip(folder / "b.mp4", frames=6)
    assert read_board(workspace).measured[old].changed == {"b.mp4": "mine"}
    new = evaluate(str(folder), spec=STEADY)["evaluation"]
    named = [summary.evaluation for summary in read_board(workspace).summaries]
    assert new in named and old not in named
    (folder / "b.mp4").unlink()  # what is gone is not another video
    assert read_board(workspace, [new]).measured[new].changed == {}


def test_a_file_replaced_at_a_url_has_no_score_any_more(workspace, tmp_path: Path) -> None:
    folder, bucket = tmp_path / "remote", fsspec.filesystem("memory")
    for name in "abc":
        golden.clip(folder / f"{name}.mp4", frames=4)
        bucket.pipe(f"/changed/{name}.mp4", (folder / f"{name}.mp4").read_bytes())
    old = evaluate(str(folder), spec=STEADY)["evaluation"]
    _move_videos(workspace, old, "memory://changed")
    assert read_board(workspace).measured[old].changed == {}
    bucket.pipe("/changed/b.mp4", golden.clip(folder / "b.mp4", frames=6).read_bytes())
    bucket.rm("/changed/c.mp4")  # what is gone is not another video
    assert read_board(workspace).measured[old].changed == {"b.mp4": "remote"}
    bucket.pipe("/changed/a.mp4", (folder / "a.mp4").read_bytes())  # touched, and still the same
    assert read_board(workspace).measured[old].changed == {"b.mp4": "remote"}


def _move_videos(workspace: Workspace, evaluation: str, folder: str) -> None:
    """As if the videos of an evaluation had been in this folder: decoders see no memory of ours."""
    name = f"evaluations/{evaluation}/videos.parquet"
    rows = tables.read_table(workspace.store, name).to_pylist()
    moved = [row | {"uri": f"{folder}/{row['id']}"} for row in rows]
    tables.write_rows(workspace.store, name, tables.EVALUATED_VIDEOS, moved)


def test_an_experiment_of_the_first_version_has_no_score_of_a_changed_video(
    workspace, corpus: str, tmp_path: Path
) -> None:
    videos = FAKE_VIDEOS.model_copy(update={"retrieve": RetrieveSpec(k=1), "seed": 5})
    spec = ExperimentSpec(generate=videos, controllers=("one",), metrics=("temporal_consistency",))
    prompts, page = tmp_path / "prompts.txt", tmp_path / "page.html"
    prompts.write_text("\n".join(PROMPTS))
    made = experiment_retrieval(corpus, str(prompts), spec)["experiment"]
    name = f"experiments/{made}/rows.parquet"
    old = tables.read_table(workspace.store, name).drop_columns("content")
    with tables.open_writer(workspace.store, name, old.schema) as writer:
        writer.write_table(old)
    report(made, str(page))
    assert "changed since" not in page.read_text()
    runs = json.loads(workspace.store.read(f"experiments/{made}/spec.json"))["runs"]
    again = regenerate(corpus, runs["one k=1"], workspace)
    report(made, str(page))
    assert page.read_text().count("changed since it was measured") >= len(again)


def test_an_experiment_says_which_of_its_videos_changed_and_measures_them_again(
    workspace, corpus: str, tmp_path: Path
) -> None:
    videos = FAKE_VIDEOS.model_copy(update={"retrieve": RetrieveSpec(k=1)})
    spec = ExperimentSpec(generate=videos, controllers=("one",), metrics=("temporal_consistency",))
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("\n".join(PROMPTS))
    made = experiment_retrieval(corpus, str(prompts), spec)
    page = str(tmp_path / "page.html")
    report(made["experiment"], page)
    assert "changed since" not in Path(page).read_text()
    runs = json.loads(workspace.store.read(f"experiments/{made['experiment']}/spec.json"))["runs"]
    again = regenerate(corpus, runs["one k=1"], workspace)
    report(made["experiment"], page)
    html = Path(page).read_text()
    assert html.count("changed since it was measured") >= len(again)
    assert "run the experiment again" in html and len(Tags(html).named("video"))
    same = experiment_retrieval(corpus, str(prompts), spec)
    assert same["experiment"] == made["experiment"]
    report(made["experiment"], page)
    assert "changed since" not in Path(page).read_text()


def test_pages_in_the_store_of_videos_that_are_made_again_are_removed(
    workspace, corpus: str
) -> None:
    run = generated(corpus, 2)
    scores = evaluate(run, spec=STEADY)["evaluation"]
    pages = [Path(report(name)["page"]) for name in (run, scores)]
    assert all(page.exists() for page in pages)
    regenerate(corpus, run, workspace)
    assert not any(page.exists() for page in pages)
