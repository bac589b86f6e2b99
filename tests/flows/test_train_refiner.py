"""A corpus becomes a refiner: groups held out whole, and one folder one training."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from support.corpora import table

from data.errors import UserError
from data.settings import Settings
from data.specs.refine import RefineSpec
from data.specs.train_refiner import TrainRefinerSpec
from data.workspace import Workspace, open_workspace
from engines.refine.plugins import build_refiner
from engines.refine.training.trainer import RefinerTrainer
from flows.ingest import ingest
from flows.train_refiner import train_refiner
from tasks.train.clips import KIND, open_clips, prepare_clips, split_groups

pytestmark = pytest.mark.usefixtures("plain_flows")


def spec(**fields) -> TrainRefinerSpec:
    given = {
        "clips": {"width": 16, "height": 16, "fps": 8, "most": 8}, "window": 4, "batch": 1,
        "steps": 2, "evaluate_every": 1, "held_out": 0.3,
        "architecture": {"dim": 8, "multipliers": [1], "heads": 1, "head_width": 8},
    }  # fmt: skip
    return TrainRefinerSpec.model_validate(given | fields)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory, plain_flows: None) -> Iterator[Workspace]:
    """Six videos in three scenes, a copy of one, and one that is too short for a window."""
    folder = tmp_path_factory.mktemp("clips")
    rows = [
        {"videoID": f"v_Dive_g0{scene}_c0{clip}", "videoLoc": f"fake://{scene}{clip}?frames=9&fps=8",
         "txt": "", "scene": f"s{scene}"}
        for scene in (1, 2, 3)
        for clip in (1, 2)
    ]  # fmt: skip
    rows.append(rows[0] | {"videoID": "copy", "videoLoc": "fake://11?frames=9&fps=8"})
    rows.append(rows[0] | {"videoID": "short", "videoLoc": "fake://s?frames=3&fps=8"})
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("ROOT", folder / "store"), ("RUNNER", "in_process"), ("DECODERS", 1)):
            patch.setenv(f"REELFLOW_{name}", str(value))
        ingest(str(table(folder, rows)), "c")
        yield open_workspace(Settings())


def test_groups_are_held_out_whole(corpus: Workspace) -> None:
    stage = prepare_clips(corpus, "c", spec(same="scene"))
    frames, videos = open_clips(corpus, stage)
    assert sorted(frames.counts.tolist())[-6:] == [8] * 6  # a copy is not there twice
    scenes = [kin[0] for kin in videos["kin"].to_pylist()]
    for share, groups in ((0.01, 1), (0.34, 1), (0.6, 2), (0.99, 2)):
        held_out = split_groups(videos, share, seed=0)
        apart = [{s for s, out in zip(scenes, held_out, strict=True) if out == side}
                 for side in (False, True)]  # fmt: skip
        assert not apart[0] & apart[1] and len(apart[1]) == groups


def named(*ids: str) -> pa.Table:
    return pa.table({"id": list(ids), "uri": [f"/v/{id}.avi" for id in ids],
                     "content": list(ids), "kin": [[] for _ in ids]})  # fmt: skip


def test_ucf101s_groups_hold_together_and_stay_where_they_were() -> None:
    ids = [f"v_{c}_g{g:02}_c{n:02}" for c in ("Dive", "Box") for g in range(1, 26) for n in (1, 2)]
    held_out = split_groups(named(*ids), 0.2, seed=0)
    out = {id.rsplit("_", 1)[0] for id, held in zip(ids, held_out, strict=True) if held}
    assert len(out) == 10
    assert not out & {i.rsplit("_", 1)[0] for i, h in zip(ids, held_out, strict=True) if not h}
    assert not np.array_equal(held_out, split_groups(named(*ids), 0.2, seed=1))
    others = split_groups(named("a", "b", "c"), 0.3, seed=0)  # each by itself
    assert others.sum() == 1
    with pytest.raises(UserError, match="--same"):
        split_groups(named("v_A_g01_c01", "v_A_g01_c02"), 0.5, seed=0)


def test_a_trained_folder_is_a_refiners_weights(corpus: Workspace, tmp_path: Path) -> None:
    out = tmp_path / "out"
    summary = train_refiner("c", str(out), spec())
    assert summary["steps"] == 2 and summary["trained_on"] + summary["held_out"] == 6
    refiner = build_refiner(RefineSpec(refiner="unet", weights=str(out)))
    refiner.load()
    first = (out / "refiner.safetensors").read_bytes()
    record = json.loads((out / "training.json").read_text())
    assert record["corpus"] == "c" and record["held_out_psnr"] == summary["held_out_psnr"]
    assert train_refiner("c", str(out), spec()) == summary  # finished: nothing is trained
    assert (out / "refiner.safetensors").read_bytes() == first
    with pytest.raises(UserError, match=r"batch 1, now 2.*--out"):
        train_refiner("c", str(out), spec(batch=2))
    assert train_refiner("c", str(out), spec(steps=3))["steps"] == 3
    with pytest.raises(UserError, match="--steps 3"):
        train_refiner("c", str(out), spec(steps=2))
    assert (out / "refiner.safetensors").read_bytes() != first


def test_an_interrupted_run_ends_with_the_same_bytes(
    corpus: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loss, calls = RefinerTrainer.loss, iter(range(9))

    def dying(trainer: RefinerTrainer, rng: np.random.Generator):
        if next(calls) == 1:
            raise KeyboardInterrupt
        return loss(trainer, rng)

    train_refiner("c", str(tmp_path / "whole"), spec())
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(RefinerTrainer, "loss", dying)
        train_refiner("c", str(tmp_path / "parts"), spec())
    train_refiner("c", str(tmp_path / "parts"), spec())
    names = "refiner.safetensors", "training.json"
    parts, whole = ([(tmp_path / f / n).read_bytes() for n in names] for f in ("parts", "whole"))
    assert parts == whole


@pytest.mark.parametrize(
    ("fields", "said"),
    [({"window": 8, "clips": {"width": 16, "height": 16, "fps": 2, "most": 8}}, "--window"),
     ({"same": "nothing"}, "no column"), ({"start": "/nowhere"}, "nowhere")],
)  # fmt: skip
def test_what_cannot_be_trained_is_refused(corpus, tmp_path: Path, fields, said: str) -> None:
    with pytest.raises(UserError, match=said):
        train_refiner("c", str(tmp_path / "out"), spec(**fields))


def test_clips_of_another_ingest_are_another_stage(corpus: Workspace, tmp_path: Path) -> None:
    before = prepare_clips(corpus, "c", spec())
    row = {"videoID": "new", "videoLoc": "fake://new?frames=9&fps=8", "txt": "", "scene": "s9"}
    ingest(str(table(tmp_path, [row])), "c")
    after = prepare_clips(corpus, "c", spec())
    assert after.kind == KIND and after.fingerprint != before.fingerprint
