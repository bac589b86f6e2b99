"""Refinement from a source of videos to figures, on fakes and small clips."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.corpora import FAKE, FAKE_VIDEOS, PROMPTS
from support.refined import complete_passes, write_fakes

from data.runs.evaluations import read_summary
from data.runs.refinements import read_refined
from data.specs.evaluate import EvaluateSpec
from data.specs.refine import PassMeasure, RefineSpec, StopSpec
from data.workspace import Workspace
from engines.video.writing import encode_lossless
from flows.demo_refine import demo_refine
from flows.experiment_refining import experiment_refining
from flows.pipeline import pipeline
from flows.refine import refine
from tasks.demo.refiner_trial import write_trial
from tasks.refine.request import build_refinement

pytestmark = pytest.mark.usefixtures("plain_flows")

QUICK = PassMeasure(metrics=("temporal_consistency",), replicates=20)


def figure(result: dict[str, Any], name: str, number: int, key: str = "value") -> Any:
    (row,) = [
        row for row in result["figures"]
        if (row["name"], row["pass"], row["class"]) == (name, number, None)
    ]  # fmt: skip
    return row[key]


@pytest.fixture(scope="module")
def measured(shared_workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Identity on nine fakes, of which one cannot be decoded, beside sixteen others as real."""
    folder = tmp_path_factory.mktemp("fakes")
    made = write_fakes(folder / "g", 20, 9, v22="undecodable")
    real = write_fakes(folder / "r", 0, 16)
    found = refine(made, RefineSpec(iterations=(1, 3)), real, QUICK)
    return found | {"source": made, "real": real}


def test_identity_changes_nothing_at_all(measured: dict[str, Any]) -> None:
    for number in (1, 3):
        assert figure(measured, "psnr_start", number) == 100
        assert figure(measured, "contrast_shift", number) == 0
        assert figure(measured, "ssim_start", number) == pytest.approx(1)
        for name in ("fd_pixel_stats", "kd_pixel_stats", "temporal_consistency", "flicker"):
            assert figure(measured, name, number) == figure(measured, name, 0)
            assert figure(measured, name, number, "difference") == 0
        # The harm control of identity is the noise floor.
        control = figure(measured, "fd_pixel_stats_control", number)
        assert control == figure(measured, "fd_pixel_stats_control", 0) > 0
    assert figure(measured, "fd_pixel_stats", 0, "n") == 8


def test_bad_rows_cost_the_others_nothing(
    measured: dict[str, Any], shared_workspace: Workspace
) -> None:
    assert measured["failed"] == {"undecodable": 3} and measured["done"] == 24
    assert any(note.startswith("1 of 9 videos") for note in measured["notes"])
    rows = list(read_refined(shared_workspace.store, measured["refinement"]))
    assert {row["reason"] for row in rows if row["target"] == "v22"} == {"undecodable"}


def test_an_experiment_compares_refiners_with_the_median(
    measured: dict[str, Any], shared_workspace: Workspace
) -> None:
    """Of videos that were refined before, by identity, only the median's passes are made."""
    made, real, spec = measured["source"], measured["real"], RefineSpec(iterations=(1, 3))
    found = experiment_refining(made, real, ["identity"], spec, QUICK)
    assert found["refinements"]["identity"] == measured["refinement"]
    compared = {row["figure"] for row in found["results"]}
    assert compared == {"identity", "temporal_median"}
    assert [verdict.split()[0] for verdict in found["verdicts"]] == ["identity"]


def test_passes_are_methods_of_the_leaderboard(
    measured: dict[str, Any], shared_workspace: Workspace
) -> None:
    summary = read_summary(shared_workspace.store, measured["evaluation"])
    assert [each.method for each in summary.methods] == [
        "identity, pass 00", "identity, pass 01", "identity, pass 03"
    ]  # fmt: skip


def test_a_night_refines_between_generating_and_evaluating(
    workspace: Workspace, tmp_path: Path
) -> None:
    """What is evaluated is every pass, pass 0 as the videos were generated."""
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("\n".join(PROMPTS))
    made = pipeline(
        "c", "fake://4", str(prompts), embed_spec=FAKE, generate_spec=FAKE_VIDEOS,
        refine_spec=RefineSpec(refiner="temporal_median", iterations=(1,)),
        measure=EvaluateSpec(metrics=("temporal_consistency",), num_frames=None),
    )  # fmt: skip
    assert list(made)[-4:] == ["generate", "refine", "evaluate", "report"]
    assert made["refine"]["source"] == made["generate"]["run"]
    methods = {each["method"]: each for each in made["evaluate"]["methods"]}
    assert set(methods) == {"temporal_median, pass 00", "temporal_median, pass 01"}
    assert all(each["videos"] == len(PROMPTS) for each in methods.values())


def test_ucf_101_is_taken_as_published(workspace: Workspace, tmp_path: Path) -> None:
    """Its folder and its split files; classes of eight clips have distances of their own."""
    lists = tmp_path / "ucfTrainTestlist"
    lists.mkdir()
    names = []
    for word, number in (("PoleVault", 16), ("YoYo", 2)):
        for n in range(number):
            names.append(f"{word}/v_{word}_g{n // 4 + 1:02d}_c{n % 4 + 1:02d}.avi")
            file = tmp_path / "UCF-101" / names[-1]
            file.parent.mkdir(parents=True, exist_ok=True)
            pixels = np.random.default_rng(n).integers(0, 256, (4, 16, 16, 3), np.uint8)
            file.write_bytes(encode_lossless(pixels, (16, 16), 25))
    (lists / "trainlist01.txt").write_text("".join(f"{name} 1\r\n" for name in names))
    (lists / "testlist01.txt").write_text("".join(f"{name}\n" for name in names[:8]))
    made = refine(
        str(lists / "testlist01.txt"), RefineSpec(iterations=(1,)), str(tmp_path / "UCF-101"), QUICK
    )
    assert made["videos"] == 8 and not made["failed"]
    # Eight of PoleVault on either side, and none of YoYo: too few are said to be so.
    classes = {(row["class"], row["n"]) for row in made["figures"] if row["class"]}
    assert classes == {("PoleVault", 8)} and "150" in made["notes"][-1]
    assert (
        len(build_refinement(workspace, str(lists / "trainlist01.txt"), RefineSpec()).targets)
        == len(build_refinement(workspace, str(tmp_path / "UCF-101"), RefineSpec()).targets)
        == 18
    )


def test_a_stopped_clip_stays_as_it_is(workspace: Workspace, tmp_path: Path) -> None:
    stop = StopSpec(drift=99)
    spec = RefineSpec(corruption="grain", iterations=(1, 3), stop=stop)
    rows = {
        row["number"]: row for row in complete_passes(workspace, write_fakes(tmp_path, 0, 1), spec)
    }
    assert rows[3]["stopped"] == 1 and rows[3]["sha256"] == rows[1]["sha256"]
    assert rows[0]["sha256"] != rows[1]["sha256"]


def test_the_demo_makes_its_clips_and_ends_with_a_page(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("REELFLOW_ROOT", "REELFLOW_WORKERS"):  # set by the demo, taken back here
        monkeypatch.setenv(name, "1")
    made = demo_refine(tmp_path / "demo", "temporal_median", videos=2)
    assert (made["videos"], made["done"], made["failed"]) == (2, 2 * 4, {})
    assert figure(made, "fd_pixel_stats_control", 0) > 0
    assert figure(made, "flicker", 4) < figure(made, "flicker", 0)
    html = made["page"].read_text()
    assert html.count("data-wipe") >= 2 and "noisy-000" in html


def test_what_refiners_are_tried_on_is_the_same_for_everyone(
    tmp_path: Path,
) -> None:
    write_trial(tmp_path, 3)
    counts = {folder.name: len(list(folder.iterdir())) for folder in tmp_path.iterdir()
              if folder.is_dir()}  # fmt: skip
    assert counts == {"real": 6, "grainy": 3, "clean": 6}
    assert len((tmp_path / "prompts.jsonl").read_text().splitlines()) == 3
    write_trial(tmp_path / "again", 3)
    for name in ("real/real-005.mkv", "grainy/grainy-002.mkv"):
        assert (tmp_path / name).read_bytes() == (tmp_path / "again" / name).read_bytes()
