"""Refinement from a source of videos to figures, on fakes and small clips."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.corpora import FAKE, FAKE_VIDEOS, PROMPTS, table

from data.errors import UserError
from data.runs.evaluations import read_summary
from data.runs.refinements import read_refined
from data.settings import Settings
from data.specs.evaluate import EvaluateSpec
from data.specs.refine import PassMeasure, RefineSpec, StopSpec
from data.workspace import Workspace, open_workspace
from engines.refine.refiners import temporal_median
from engines.video.decoders import pyav
from engines.video.frames import Sampling
from engines.video.writing import encode_lossless
from flows.pipeline import pipeline
from flows.refine import refine
from tasks.refine import run as refine_run
from tasks.refine.request import build_refinement
from tasks.refine.run import complete_refinement, plan_passes
from tasks.refine.writer import RefineWriter

pytestmark = pytest.mark.usefixtures("plain_flows")

QUICK = PassMeasure(metrics=("temporal_consistency",), replicates=20)


def fakes(folder: Path, first: int, count: int, **faults: str) -> str:
    """A table of fake videos of six frames; `faults` by number, as `v3="undecodable"`."""
    rows = []
    for n in range(first, first + count):
        fault = f"&fault={faults[f'v{n}']}" if f"v{n}" in faults else ""
        rows.append({"videoID": f"v{n}", "videoLoc": f"fake://{n}?frames=6{fault}"})
    return table(folder, rows)


def figure(result: dict[str, Any], name: str, number: int, key: str = "value") -> Any:
    (row,) = [
        row for row in result["figures"]
        if (row["name"], row["pass"], row["class"]) == (name, number, None)
    ]  # fmt: skip
    return row[key]


def decode(file: str) -> np.ndarray:
    parts = list(pyav.decode_frames(file, Sampling(every_nth=1), None))
    return np.concatenate([part.pixels for part in parts])


def complete(workspace: Workspace, source: str, spec: RefineSpec) -> list[dict[str, Any]]:
    """The rows of a refinement that is not measured."""
    asked = build_refinement(workspace, source, spec)
    complete_refinement(workspace, asked, plan_passes(workspace, asked))
    return list(read_refined(workspace.store, asked.fingerprint))


@pytest.fixture(scope="module")
def measured(shared_workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Identity on nine fakes, of which one cannot be decoded, beside sixteen others as real."""
    folder = tmp_path_factory.mktemp("fakes")
    made = fakes(folder / "g", 20, 9, v22="undecodable")
    real = fakes(folder / "r", 0, 16)
    return refine(made, RefineSpec(iterations=(1, 3)), real, QUICK)


def test_identity_changes_nothing_at_all(measured: dict[str, Any]) -> None:
    for number in (1, 3):
        assert figure(measured, "psnr_start", number) == 100
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
    rows = list(read_refined(shared_workspace.store, measured["refinement"]))
    assert {row["reason"] for row in rows if row["target"] == "v22"} == {"undecodable"}


def test_passes_are_methods_of_the_leaderboard(
    measured: dict[str, Any], shared_workspace: Workspace
) -> None:
    summary = read_summary(shared_workspace.store, measured["evaluation"])
    assert [each.method for each in summary.methods] == [
        "identity, pass 00", "identity, pass 01", "identity, pass 03"
    ]  # fmt: skip


def test_odd_and_short_videos_come_back_as_they_were(workspace: Workspace, tmp_path: Path) -> None:
    """Pass 0 decodes to the very bytes of its source, whatever its sides or length."""
    videos = {"odd": (5, 33, 47), "one": (1, 16, 16), "thin": (3, 1, 2)}
    for name, shape in videos.items():
        pixels = np.random.default_rng(1).integers(0, 256, (*shape, 3), np.uint8)
        (tmp_path / f"{name}.mkv").write_bytes(encode_lossless(pixels, shape[1:], 8))
    (tmp_path / "broken.mkv").write_bytes(b"no video")
    (tmp_path / "empty.mp4").write_bytes(b"")
    spec = RefineSpec(refiner="temporal_median", iterations=(1,))
    rows = complete(workspace, str(tmp_path), spec)
    by_name = {Path(row["target"]).stem: row for row in rows if row["number"] == 0}
    assert {name for name, row in by_name.items() if row["reason"]} == {"broken", "empty"}
    for name, (count, height, width) in videos.items():
        row = by_name[name]
        assert (row["frames"], row["height"], row["width"]) == (count, height, width)
        (folder,) = workspace.store.list_names("refinements")
        stored = decode(workspace.store.path(f"{folder}/{row['file']}"))
        assert np.array_equal(stored, decode(str(tmp_path / f"{name}.mkv")))
    assert by_name["one"]["flicker"] is None


def test_a_run_in_which_nothing_could_be_refined_is_an_error(
    workspace: Workspace, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match="undecodable"):
        complete(workspace, fakes(tmp_path, 1, 1, v1="undecodable"), RefineSpec())


def test_a_killed_pass_is_taken_up_and_gives_the_same_bytes(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a pass wrote before a kill stays; the rest is made again, with the same bytes."""
    videos = fakes(tmp_path, 0, 2)
    spec = RefineSpec(refiner="temporal_median", corruption="grain", iterations=(1, 2))
    write, written = RefineWriter.write, list[str]()

    def die(self: Any, item: Any, outcome: Any) -> Any:
        if len(written) == 2:
            raise UserError("killed")
        return count(self, item, outcome)

    def count(self: Any, item: Any, outcome: Any) -> Any:
        written.append(item.id)
        return write(self, item, outcome)

    monkeypatch.setattr(RefineWriter, "write", die)
    with pytest.raises(UserError, match="killed"):
        complete(workspace, videos, spec)
    monkeypatch.setattr(RefineWriter, "write", count)
    resumed = complete(workspace, videos, spec)
    assert sorted(written) == sorted(f"v{n}@{k}" for n in (0, 1) for k in (0, 1, 2))
    monkeypatch.setenv("REELFLOW_ROOT", str(tmp_path / "other"))
    again = complete(open_workspace(Settings()), videos, spec)
    assert strip(resumed) == strip(again)


def strip(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of passes without what a clock says; digests of both files are in them."""
    return [row | {"seconds": None} for row in rows]


@pytest.mark.ray
@pytest.mark.timeout(600)
def test_three_workers_give_the_same_bits_as_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ray_cluster: str
) -> None:
    """By a network, whose last bits would depend on threads, and shards enough for all workers."""
    monkeypatch.setattr(refine_run, "VIDEOS", 1)
    videos = fakes(tmp_path, 0, 4)
    spec = RefineSpec(refiner="vq", corruption="grain", iterations=(1,), frames=2)
    made = {}
    for workers, runner in ((1, "in_process"), (3, "ray")):
        monkeypatch.setenv("REELFLOW_ROOT", str(tmp_path / runner))
        monkeypatch.setenv("REELFLOW_WORKERS", str(workers))
        monkeypatch.setenv("REELFLOW_RUNNER", runner)
        monkeypatch.setenv("REELFLOW_RAY_ADDRESS", ray_cluster)
        made[workers] = strip(complete(open_workspace(Settings()), videos, spec))
    assert made[1] == made[3] and len(made[1]) == 8


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


def test_what_is_not_finite_fails_its_video_alone(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, spoiled = temporal_median.Refiner.refine, list[int]()

    def spoil(self: Any, windows: Any) -> np.ndarray:
        if spoiled:
            return whole(self, windows)
        spoiled.append(1)
        return np.full_like(windows.frames, np.nan)

    monkeypatch.setattr(temporal_median.Refiner, "refine", spoil)
    spec = RefineSpec(refiner="temporal_median", iterations=(1, 2))
    rows = complete(workspace, fakes(tmp_path, 0, 2), spec)
    reasons = {row["id"]: row["reason"] for row in rows}
    assert {id for id, reason in reasons.items() if reason} == {"v0@1", "v0@2"}
    assert reasons["v0@1"] == "rejected" and "finite" in rows[1]["detail"]


def test_a_stopped_clip_stays_as_it_is(workspace: Workspace, tmp_path: Path) -> None:
    stop = StopSpec(drift=99)
    spec = RefineSpec(corruption="grain", iterations=(1, 3), stop=stop)
    rows = {row["number"]: row for row in complete(workspace, fakes(tmp_path, 0, 1), spec)}
    assert rows[3]["stopped"] == 1 and rows[3]["sha256"] == rows[1]["sha256"]
    assert rows[0]["sha256"] != rows[1]["sha256"]
