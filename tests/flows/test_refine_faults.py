"""Refinement of what is odd, broken, cut short or shared out: typed rows, and the same bytes."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.refined import complete_passes, strip_rows, write_fakes

from data.errors import UserError
from data.settings import Settings
from data.specs.refine import PassMeasure, RefineSpec
from data.workspace import Workspace, open_workspace
from engines.refine.refiners import temporal_median
from engines.video.decoders import pyav
from engines.video.frames import Sampling
from engines.video.writing import encode_lossless
from flows.refine import refine
from tasks.refine import run as refine_run
from tasks.refine.writer import RefineWriter

pytestmark = pytest.mark.usefixtures("plain_flows")


def decode(file: str) -> np.ndarray:
    parts = list(pyav.decode_frames(file, Sampling(every_nth=1), None))
    return np.concatenate([part.pixels for part in parts])


def test_odd_and_short_videos_come_back_as_they_were(workspace: Workspace, tmp_path: Path) -> None:
    """Pass 0 decodes to the very bytes of its source, whatever its sides or length."""
    videos = {"odd": (5, 33, 47), "one": (1, 16, 16), "thin": (3, 1, 2)}
    for name, shape in videos.items():
        pixels = np.random.default_rng(1).integers(0, 256, (*shape, 3), np.uint8)
        (tmp_path / f"{name}.mkv").write_bytes(encode_lossless(pixels, shape[1:], 8))
    (tmp_path / "broken.mkv").write_bytes(b"no video")
    (tmp_path / "empty.mp4").write_bytes(b"")
    spec = RefineSpec(refiner="temporal_median", iterations=(1,))
    rows = complete_passes(workspace, str(tmp_path), spec)
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
        complete_passes(workspace, write_fakes(tmp_path, 1, 1, v1="undecodable"), RefineSpec())


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
    rows = complete_passes(workspace, write_fakes(tmp_path, 0, 2), spec)
    reasons = {row["id"]: row["reason"] for row in rows}
    assert {id for id, reason in reasons.items() if reason} == {"v0@1", "v0@2"}
    assert reasons["v0@1"] == "rejected" and "finite" in rows[1]["detail"]


def test_a_killed_pass_is_taken_up_and_gives_the_same_bytes(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a pass wrote before a kill stays; the rest is made again, with the same bytes."""
    videos = write_fakes(tmp_path, 0, 2)
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
        complete_passes(workspace, videos, spec)
    monkeypatch.setattr(RefineWriter, "write", count)
    resumed = complete_passes(workspace, videos, spec)
    assert sorted(written) == sorted(f"v{n}@{k}" for n in (0, 1) for k in (0, 1, 2))
    monkeypatch.setenv("REELFLOW_ROOT", str(tmp_path / "other"))
    again = complete_passes(open_workspace(Settings()), videos, spec)
    assert strip_rows(resumed) == strip_rows(again)


@pytest.mark.ray
@pytest.mark.timeout(600)
def test_three_workers_give_the_same_bits_as_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ray_cluster: str
) -> None:
    """By a network, whose last bits would depend on threads, and shards enough for all workers."""
    monkeypatch.setattr(refine_run, "VIDEOS", 1)
    videos = write_fakes(tmp_path, 0, 4)
    spec = RefineSpec(refiner="vq", corruption="grain", iterations=(1,), frames=2)
    made = {}
    for workers, runner in ((1, "in_process"), (3, "ray")):
        monkeypatch.setenv("REELFLOW_ROOT", str(tmp_path / runner))
        monkeypatch.setenv("REELFLOW_WORKERS", str(workers))
        monkeypatch.setenv("REELFLOW_RUNNER", runner)
        monkeypatch.setenv("REELFLOW_RAY_ADDRESS", ray_cluster)
        made[workers] = strip_rows(complete_passes(open_workspace(Settings()), videos, spec))
    assert made[1] == made[3] and len(made[1]) == 8


@pytest.mark.parametrize(
    ("fields", "measured", "real", "reason"),
    [
        ({"refiner": "inpaint_telea"}, {}, None, "--corruption"),
        ({"refiner": "unet", "weights": "nowhere"}, {}, None, "nowhere"),
        ({}, {"metrics": ("nothing",)}, None, "nothing"),
        ({}, {"distance": {"clip": {"extractor": "nothing"}}}, "real", "nothing"),
        ({}, {"distance": {"clip": {"extractor": "i3d_k400"}}}, "real", "--extractor-weights PATH"),
        ({}, {}, "nowhere", "nowhere"),
    ],
)
def test_what_cannot_end_well_is_refused_before_a_pass(
    workspace: Workspace,
    tmp_path: Path,
    fields: dict,
    measured: dict,
    real: str | None,
    reason: str,
) -> None:
    source = write_fakes(tmp_path / "g", 0, 2)
    write_fakes(tmp_path / "real", 2, 4)
    asked, measure = RefineSpec(**fields), PassMeasure(**measured)
    with pytest.raises(UserError, match=reason):
        refine(source, asked, str(tmp_path / real) if real else None, measure)
    assert not workspace.store.list_names("refinements")


def test_a_name_that_is_no_run_is_taken_for_files(workspace: Workspace, tmp_path: Path) -> None:
    pixels = np.zeros((2, 16, 16, 3), np.uint8)
    for name in "ab":
        (tmp_path / f"{name}.mkv").write_bytes(encode_lossless(pixels, (16, 16), 8))
    rows = complete_passes(workspace, str(tmp_path / "*.mkv"), RefineSpec(iterations=(1,)))
    assert len(rows) == 4 and not any(row["reason"] for row in rows)
    with pytest.raises(UserError, match="nowhere"):
        complete_passes(workspace, "nowhere", RefineSpec())
