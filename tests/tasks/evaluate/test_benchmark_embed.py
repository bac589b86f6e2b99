"""Vectors of a whole folder: any number of workers, either layout, made once."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from PIL import Image
from support import golden, toy_models
from support.known import OneModel, are_same

from data.errors import UserError
from data.runs.benchmark import read_clip_parts
from data.runs.evaluations import GroundTruthRef
from data.settings import Settings
from data.specs.evaluate import EvaluateSpec
from data.store.storage import Store
from data.workspace import Workspace, open_workspace
from engines.evaluate.benchmarks.msrvtt_personalization.ground_truth import open_ground_truth
from engines.evaluate.benchmarks.msrvtt_personalization.official_files import read_parts
from engines.evaluate.models import arcface, dino
from engines.evaluate.protocol import MissingReference
from tasks.evaluate.benchmark_embed import embed_benchmark, embed_folder

CLIPS = ("cat", "face_0", "horse")


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("weights")
    toy_models.write_small(folder)
    return str(folder)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A miniature of three clips."""
    for clip in CLIPS:
        at = tmp_path / "miniature" / clip
        golden.clip(at / "ground_truth.mp4", frames=20)
        Image.fromarray(golden.picture(len(clip))).save(at / "conditioning.jpg")
        mode = "face" if "face" in clip else "subject"
        said = {"clip": clip, "caption": f"A {clip}.", "conditioned_word": clip, "mode": mode}
        (at / "sample.json").write_text(json.dumps(said))
    return tmp_path / "miniature"


def files(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


def test_any_number_of_workers_leaves_the_same_bytes(
    workspace: Workspace, source: Path, weights: str, ray_cluster: str, tmp_path: Path
) -> None:
    named = (dino.FILE, arcface.FILE)  # CLIP's library alone takes each worker 9 s to import
    few = tmp_path / "few"
    few.mkdir()
    for name in named:
        (few / name).symlink_to(Path(weights) / name)
    made = embed_folder(workspace, str(source), str(tmp_path / "one"), EvaluateSpec(), str(few))
    assert (made["clips"], made["made"], made["failed"]) == (3, 3, {})
    assert list(made["absent"]) == ["clip"]
    ray = Settings(root=str(tmp_path / "two"), runner="ray", ray_address=ray_cluster, workers=2)
    embed_folder(open_workspace(ray), str(source), str(tmp_path / "more"), EvaluateSpec(), str(few))
    assert files(tmp_path / "one") == files(tmp_path / "more")
    rows = pq.read_table(tmp_path / "one-rows.parquet").to_pylist()
    assert [row["clip"] for row in rows] == list(CLIPS)


def test_a_clip_is_a_file_with_a_row_for_each_vector(
    workspace: Workspace, source: Path, weights: str, tmp_path: Path
) -> None:
    made = embed_folder(workspace, str(source), str(tmp_path / "known"), EvaluateSpec(), weights)
    assert made["absent"] == {}
    assert sorted(files(tmp_path / "known")) == [
        "cat.parquet", "face_0.parquet", "horse.parquet", "spec.json"
    ]  # fmt: skip
    table = pq.read_table(tmp_path / "known" / "horse.parquet").to_pylist()
    assert [(row["kind"], row["tag"], row["n"]) for row in table] == [
        ("text", None, 0), ("video", None, 0), ("video", None, 1), ("video", None, 2),
        ("subject", "horse", 0), ("face", None, None),
    ]  # fmt: skip


@pytest.mark.slow
def test_the_published_layout_says_the_same_as_ours(
    workspace: Workspace, source: Path, weights: str, tmp_path: Path
) -> None:
    for kept in ("parquet", "official"):
        embed_folder(
            workspace, str(source), str(tmp_path / kept), EvaluateSpec(), weights, kept=kept
        )
    for clip in CLIPS:
        ours = read_clip_parts(Store(str(tmp_path / "parquet")), f"{clip}.parquet")
        held = [part for part in ours if part.vectors is not None]
        kinds = ("text", "video", "face" if "face" in clip else "subject")
        theirs = [p for kind in kinds for p in read_parts(f"{tmp_path}/official/{clip}/", kind)]
        assert are_same(theirs, held)


@pytest.mark.slow
def test_what_is_there_is_kept_and_only_made_with_the_same_models(
    workspace: Workspace, source: Path, weights: str, tmp_path: Path
) -> None:
    out = tmp_path / "known"
    embed_folder(workspace, str(source), str(out), EvaluateSpec(), weights)
    (out / "cat.parquet").unlink()
    before = (out / "horse.parquet").stat().st_mtime_ns
    assert embed_folder(workspace, str(source), str(out), EvaluateSpec(), weights)["made"] == 1
    assert (out / "horse.parquet").stat().st_mtime_ns == before
    with pytest.raises(UserError, match="another folder"):
        embed_folder(workspace, str(source), str(out), EvaluateSpec(clip_dtype="fp32"), weights)


@pytest.mark.slow
def test_a_clip_that_fails_is_a_row_and_is_tried_again(
    workspace: Workspace, source: Path, weights: str, tmp_path: Path
) -> None:
    video = source / "cat" / "ground_truth.mp4"
    content = video.read_bytes()
    golden.html(video)
    made = embed_folder(workspace, str(source), str(tmp_path / "known"), EvaluateSpec(), weights)
    assert (made["made"], made["failed"]) == (2, {"undecodable": 1})
    video.write_bytes(content)
    made = embed_folder(workspace, str(source), str(tmp_path / "known"), EvaluateSpec(), weights)
    assert (made["made"], made["failed"]) == (1, {})


def test_without_any_model_it_is_said_how_to_get_them(
    workspace: Workspace, source: Path, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=r"ViT-L-14\.pt.*curl"):
        embed_folder(workspace, str(source), str(tmp_path / "known"), EvaluateSpec())
    with pytest.raises(UserError, match="no clips"):
        (tmp_path / "empty").mkdir()
        embed_benchmark(workspace, str(tmp_path / "empty"), EvaluateSpec())


def test_a_miniature_is_embedded_once_in_the_store_and_read_as_a_truth(
    workspace: Workspace, source: Path, weights: str
) -> None:
    paths = toy_models.write_small(Path(weights))
    spec = EvaluateSpec(weights=paths)
    ref = embed_benchmark(workspace, str(source), spec, ["arcface", "raft", "face_detector"])
    before = files(Path(ref.path))
    assert embed_benchmark(workspace, str(source), spec, ["arcface"]) == ref
    assert files(Path(ref.path)) == before
    assert embed_benchmark(workspace, str(source), spec) != ref
    truth = open_ground_truth(GroundTruthRef(ref.kind, ref.path, "face_0"), None, OneModel(dim=32))
    assert truth.face_vectors().shape == (1, 32)
    with pytest.raises(MissingReference, match="not requested"):
        truth.text_vector()
    golden.clip(source / "cat" / "ground_truth.mp4", frames=21)
    assert embed_benchmark(workspace, str(source), spec, ["arcface"]) != ref
