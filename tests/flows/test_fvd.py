import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from support import golden
from support.corpora import table
from support.inception import write_inception

from data.errors import UserError
from data.specs.distance import ClipSpec, DistanceSpec
from data.workspace import Workspace
from engines.evaluate.distance.extractor import build_extractor
from engines.evaluate.distance.extractors.pixel_stats import Extractor
from engines.evaluate.distance.frechet import compute_frechet
from engines.evaluate.distance.kernel import kvd_unbiased
from engines.evaluate.distance.moments import Moments
from engines.video.decoders import fake
from engines.video.frames import Sampling
from flows.fvd import fvd

pytestmark = pytest.mark.usefixtures("plain_flows")

CLIP = ClipSpec(extractor="pixel_stats", frames=4)
SPEC = DistanceSpec(clip=CLIP)


def videos(folder: Path, first: int, count: int, frames: int = 9, **faults: str) -> str:
    """A table of fakes that are numbered from `first`; `faults` by number, as `v3="hang"`."""
    rows = []
    for n in range(first, first + count):
        fault = f"&fault={faults[f'v{n}']}" if f"v{n}" in faults else ""
        rows.append({"videoID": f"v{n}", "videoLoc": f"fake://{n}?frames={frames}{fault}"})
    return table(folder, rows)


def expected(first: int, count: int) -> np.ndarray:
    """The features of the first frames of the same fakes, made here."""
    return np.stack([Extractor(CLIP)(clip[None])[0] for clip in decoded(first, count, 4)])


def decoded(first: int, count: int, frames: int) -> list[np.ndarray]:
    """The first frames of the same fakes, (frames, height, width, 3)."""
    made = []
    for n in range(first, first + count):
        (part,) = fake.decode_frames(f"fake://{n}?frames=9", Sampling(every_nth=1), None)
        made.append(part.pixels[:frames].transpose(0, 2, 3, 1))
    return made


def files(workspace: Workspace, folder: str) -> list[str]:
    return workspace.store.list_names(folder)


def figures(result: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in result.items() if k not in ("made", "sets", "protocol")}


@pytest.mark.usefixtures("prefect_backend")
def test_the_figures_are_those_of_the_features(workspace: Workspace, tmp_path: Path) -> None:
    real, made = videos(tmp_path / "r", 0, 8), videos(tmp_path / "g", 20, 6)
    result = fvd(made, real, SPEC)
    one, two = expected(0, 8), expected(20, 6)
    assert result["metric"] == "fd_pixel_stats" and result["kernel_metric"] == "kd_pixel_stats"
    assert result["value"] == pytest.approx(compute_frechet(one, two).total, rel=1e-9)
    assert result["value"] == pytest.approx(result["mean_term"] + result["trace_term"])
    assert result["kernel"] == pytest.approx(kvd_unbiased(one, two), rel=1e-9)
    assert result["floor"]["n"] == 4
    assert result["floor"]["real_against_real"]["value"] > 0
    assert result["floor"]["real_against_generated"]["value"] > 0


def test_fid_pools_the_frames_of_all_clips(workspace: Workspace, tmp_path: Path) -> None:
    weights = write_inception(tmp_path / "inception.pth")
    clip = ClipSpec(extractor="inception_v3", weights=weights, frames=2)
    real, made = videos(tmp_path / "r", 0, 2), videos(tmp_path / "g", 20, 2)
    result = fvd(made, real, DistanceSpec(clip=clip))
    assert (result["metric"], result["kernel_metric"]) == ("FID", "KID")
    assert "TensorFlow" in result["protocol"]["resize"] and result["sets"]["real"]["clips"] == 2
    model = build_extractor(clip)
    model.load()
    x, y = (
        np.concatenate([model(frames[None])[0] for frames in decoded(first, count, 2)])
        for first, count in ((0, 2), (20, 2))
    )
    assert x.shape == (4, 2048) and result["value"] == pytest.approx(frechet(x, y), rel=1e-6)
    rows = pq.read_table(workspace.store.path(
        f"features/{result['protocol']['features']}/shard-000000.parquet"))  # fmt: skip
    assert len(rows) == 2 * len(set(rows.column("id").to_pylist()))
    with pytest.raises(UserError, match="--antialias"):
        build_extractor(clip.model_copy(update={"antialias": True}))


def frechet(x: np.ndarray, y: np.ndarray) -> float:
    """By the eigenvalues of the small product XY'YX', whose roots are those of the covariances."""
    x, y = x.astype(float), y.astype(float)
    shift = x.mean(0) - y.mean(0)
    x, y = (each - each.mean(0) for each in (x, y))
    n, m = len(x) - 1, len(y) - 1
    cross = x @ y.T
    overlap = np.sqrt(np.linalg.eigvalsh(cross @ cross.T).clip(min=0) / (n * m)).sum()
    return shift @ shift + (x**2).sum() / n + (y**2).sum() / m - 2 * overlap


def test_every_result_says_what_it_hangs_on(workspace: Workspace, tmp_path: Path) -> None:
    real, made = videos(tmp_path / "r", 0, 8), videos(tmp_path / "g", 20, 5, v22="undecodable")
    result = fvd(made, real, SPEC.model_copy(update={"n_real": 6, "seed": 3}))
    said = result["protocol"]
    assert (said["extractor"], said["weights_sha256"], said["ddof"]) == ("pixel_stats", None, 1)
    assert (said["frames"], said["stride"], said["fps"], said["seed"]) == (4, 1, None, 3)
    assert (said["dtype"], said["resize"], said["values"]) == ("float32", None, "0 to 1")
    sets = result["sets"]
    assert (sets["real"]["clips"], sets["real"]["available"]) == (6, 8)
    assert (sets["generated"]["clips"], sets["generated"]["failed"]) == (4, 1)
    assert len(sets["real"]["list_sha256"]) == 64
    (note,) = result["notes"]
    assert "the sets differ in size" in note
    folder = f"distances/{result['distance']}"
    assert json.loads(workspace.store.read(f"{folder}/result.json")) == result
    rows = pq.read_table(workspace.store.path(f"{folder}/clips.parquet")).to_pylist()
    assert [(r["id"], r["reason"]) for r in rows if r["reason"]] == [("v22", "undecodable")]
    assert sum(row["set"] == "real" for row in rows) == 6
    with workspace.store.open(f"{folder}/generated.npz") as file:
        kept = Moments.load(file)
    assert kept.n == 4 and kept.spec == said["features"]


def test_features_are_made_once_whichever_sets_they_are_in(
    workspace: Workspace, tmp_path: Path
) -> None:
    real = videos(tmp_path / "r", 0, 6)
    first = fvd(videos(tmp_path / "g", 20, 5), real, SPEC)
    folder = f"features/{first['protocol']['features']}"
    assert len(files(workspace, f"{folder}/receipts")) == 1
    again = fvd(videos(tmp_path / "g", 20, 5), real, SPEC)
    assert figures(again) == figures(first) and len(files(workspace, f"{folder}/receipts")) == 1
    fvd(videos(tmp_path / "h", 22, 5), real, SPEC)
    (second,) = files(workspace, f"{folder}/shards")[1:]
    listed = json.loads(workspace.store.read(second))["items"]
    assert sorted(clip["name"] for clip in listed) == ["v25", "v26"]


def test_what_a_stop_left_is_taken_up_to_the_same_figures(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REELFLOW_SHARD_SIZE", "4")
    real, made = videos(tmp_path / "r", 0, 6), videos(tmp_path / "g", 20, 5)
    whole = fvd(made, real, SPEC)
    folder = f"features/{whole['protocol']['features']}"
    assert len(files(workspace, f"{folder}/receipts")) == 3
    workspace.store.delete(f"{folder}/receipts/000001.json")
    workspace.store.delete(f"{folder}/receipts/000002.json")
    workspace.store.delete(f"{folder}/shard-000002.parquet")
    workspace.store.delete(f"distances/{whole['distance']}")
    assert figures(fvd(made, real, SPEC)) == figures(whole)
    assert len(files(workspace, f"{folder}/shards")) == 3


def test_a_decoder_that_was_ended_is_tried_again_and_a_broken_file_is_not(
    workspace: Workspace, tmp_path: Path
) -> None:
    real = videos(tmp_path / "r", 0, 5, v1="exit", v2="undecodable")
    result = fvd(videos(tmp_path / "g", 20, 4), real, SPEC)
    assert result["sets"]["real"]["failed"] == 2
    fvd(videos(tmp_path / "g", 20, 4), real, SPEC)
    folder = f"features/{result['protocol']['features']}"
    (second,) = files(workspace, f"{folder}/shards")[1:]
    assert [clip["name"] for clip in json.loads(workspace.store.read(second))["items"]] == ["v1"]


def test_real_files_whole_and_broken(workspace: Workspace, tmp_path: Path) -> None:
    for n in range(4):
        golden.clip(tmp_path / "real" / f"{n}.mp4", frames=9 + n)
        golden.clip(tmp_path / "made" / f"{n}.mp4", frames=12 + n, size=(64, 64))
    golden.zero_bytes(tmp_path / "made" / "empty.mp4")
    golden.clip(tmp_path / "made" / "short.mp4", frames=3)
    asked = ClipSpec(extractor="random_projection", frames=4, stride=2)
    spec = DistanceSpec(clip=asked, subsets=2, subset_size=3)
    result = fvd(str(tmp_path / "made"), str(tmp_path / "real"), spec)
    assert result["metric"] == "fd_random_projection" and result["route"] == "nuclear"
    assert result["value"] > result["floor"]["real_against_real"]["value"]
    assert (result["sets"]["generated"]["clips"], result["sets"]["generated"]["failed"]) == (4, 2)
    assert result["subsets"]["sd"] >= 0 and result["subsets"]["n"] == 3


def test_fewer_than_two_clips_are_no_set(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="v5: 3 frames"):
        rows = [{"videoID": "v4", "videoLoc": "fake://4"}]
        rows += [{"videoID": "v5", "videoLoc": "fake://5?frames=3"}]
        fvd(table(tmp_path / "g", rows), videos(tmp_path / "r", 0, 4), SPEC)


def test_a_protocol_that_is_not_met_says_so(workspace: Workspace, tmp_path: Path) -> None:
    spec = DistanceSpec(protocol="stylegan-v-16f-2048", clip=CLIP, n_real=2048, n_generated=2048)
    notes = fvd(videos(tmp_path / "g", 20, 4), videos(tmp_path / "r", 0, 4), spec)["notes"]
    assert notes[0].startswith("4 real clips, of 2048")
    assert notes[-1] == "not comparable with published figures of stylegan-v-16f-2048"


def test_frame_rates_that_differ_are_noted(workspace, tmp_path: Path) -> None:
    (tmp_path / "g").mkdir()
    for n in range(3):
        golden.clip(tmp_path / "g" / f"{n}.mp4", frames=12, fps=12 if n else 8)
    made = fvd(str(tmp_path / "g"), videos(tmp_path / "r", 0, 3), SPEC)
    [note] = [note for note in made["notes"] if "frame rates" in note]
    assert "8 to 12" in note


def test_both_folders_are_looked_at_before_work_begins(workspace, monkeypatch) -> None:
    monkeypatch.setattr("flows.fvd.choose_clips", lambda *given: pytest.fail("it began"))
    for sources in (("typo", "fake://3"), ("fake://3", "typo")):
        with pytest.raises(UserError, match="typo"):
            fvd(*sources, SPEC)


def test_the_command(reelflow, tmp_path: Path) -> None:
    real, made = videos(tmp_path / "r", 0, 6), videos(tmp_path / "g", 20, 6)
    words = ("fvd", made, "--real", real, "--extractor", "pixel_stats", "--frames", "4")
    code, out, _ = reelflow(*words, "--json")
    result = json.loads(out)
    assert code == 0 and result["metric"] == "fd_pixel_stats" and result["notes"] == []
    code, out, _ = reelflow(*words)
    assert code == 0 and "noise floor at 3 clips" in out and f"{result['distance']}" in out


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((), 1, "FVD needs --weights PATH"),
        (("--protocol", "nobody"), 1, "google-direct, stylegan-v-16f-2048"),
        (("--protocol", "google-direct", "--frames", "32"), 1, "google-direct fixes the clips"),
        (("--extractor", "pixel_stats", "--frames", "1"), 1, "2 or more frames, not 1"),
        (("--extractor", "pixel_stats", "--resize", "fancy"), 2, "resize"),
        (("--extractor", "nothing"), 1, "no plugin 'nothing'"),
    ],
)
def test_a_command_that_cannot_be_followed_says_why(reelflow, words, code, said) -> None:
    found, _, err = reelflow("fvd", "fake://3", "--real", "fake://4", *words)
    assert found == code and said in " ".join(err.split())
