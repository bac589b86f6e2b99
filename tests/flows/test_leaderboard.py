"""The leaderboard as users make it: of real evaluations, in every format."""

import json
from pathlib import Path

import numpy as np
import pytest
from support import golden

from data.specs.evaluate import EvaluateSpec
from flows.evaluate import evaluate
from flows.leaderboard import leaderboard

pytestmark = pytest.mark.usefixtures("plain_flows")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two clips, each by a method that stands still and one that flickers."""

    def noise(number: int, size: tuple[int, int]) -> np.ndarray:
        return np.random.default_rng(number).integers(0, 256, (size[1], size[0], 3), np.uint8)

    for clip in ("cat", "dog"):
        at = tmp_path / "clips" / clip
        golden.clip(at / "ground_truth.mp4", frames=4)
        golden.clip(at / "Still.mp4", frames=4, draw=lambda n, size: golden.picture(0, size))
        golden.clip(at / "Flicker.mp4", frames=4, draw=noise)
        said = {"caption": f"a {clip}", "conditioned_word": clip, "mode": "subject"}
        (at / "sample.json").write_text(json.dumps(said))
    return tmp_path / "clips"


def measured(folder: Path, frames: int = 4) -> str:
    made = evaluate(
        str(folder), layout="miniature", metrics=["motion_smoothness_average"], mode="subject",
        benchmark="msrvtt-personalization", spec=EvaluateSpec(num_frames=frames),
    )  # fmt: skip
    return made["evaluation"]


@pytest.mark.usefixtures("prefect_backend")
def test_a_real_evaluation_is_ranked_and_written_in_every_format(
    workspace, folder: Path, reelflow, tmp_path: Path
) -> None:
    evaluation = measured(folder)
    code, said, err = reelflow("leaderboard", "--mode", "subject", "--format", "json")
    assert code == 0, err
    ours = json.loads(said)["tables"][0]
    assert [(e["method"], e["videos"], e["evaluation"]) for e in ours["entries"]] == [
        ("Still", 2, evaluation), ("Flicker", 2, evaluation),
    ]  # fmt: skip
    still, flicker = (e["cells"]["motion_smoothness_average"] for e in ours["entries"])
    assert still["value"] > flicker["value"] and still["n"] == 2
    out = tmp_path / "board.html"
    code, said, err = reelflow("leaderboard", evaluation[:6], "--out", str(out))
    assert code == 0 and "written:" in said, err
    page = out.read_text()
    assert page.count("data-src=") == 2 * 3 and "Ground truth" in page
    code, said, _ = reelflow("leaderboard", "--mode", "subject")
    assert code == 0 and "Still" in said and "Video Alchemist" in said and "0.617" in said
    assert "\\x0a" not in said  # a mean stands above its interval, in two lines
    code, said, _ = reelflow("leaderboard", "--mode", "subject", "--format", "md")
    assert code == 0 and "| Still | **" in said


def test_different_switches_are_refused_with_what_to_do(workspace, folder: Path, reelflow) -> None:
    measured(folder)
    measured(folder, frames=3)
    code, _, err = reelflow("leaderboard")
    assert code == 1 and "num_frames" in err and "--num-frames" in err and "--group" in err
    said = leaderboard(group=True, sort="T-Cons")
    titles = {table["title"] for table in said["tables"][:2]}
    assert titles == {"Subject mode · num_frames 3", "Subject mode · num_frames 4"}


def test_a_wrong_file_or_name_is_one_line(workspace, reelflow, tmp_path: Path) -> None:
    code, _, err = reelflow("leaderboard", "--out", str(tmp_path / "board.txt"))
    assert code == 2 and ".md, .json or .html" in err
    code, _, err = reelflow("leaderboard", "--format", "md", "--out", "board.html")
    assert code == 2
    code, _, err = reelflow("leaderboard", "nothing")
    assert code == 1 and err.startswith("reelflow: no evaluation 'nothing'")


@pytest.mark.usefixtures("prefect_backend")
def test_the_run_leaves_a_table_artifact(workspace) -> None:
    from prefect.artifacts import Artifact

    leaderboard(mode="face")
    rows = json.loads(Artifact.get(key="leaderboard-table-face").data)
    assert rows[0]["method"] == "Video Alchemist" and rows[0]["Face-S"] == "0.382"
