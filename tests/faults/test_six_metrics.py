"""All metrics, with small random models, on the real miniature: the same figures by any workers."""

import json
import shutil
import signal
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from support import toy_detectors, toy_models
from support.commands import Shop
from support.paths import REAL_CLIPS

from data.settings import Settings
from data.specs.evaluate import EvaluateSpec
from data.workspace import open_workspace
from tasks.evaluate.benchmark_embed import embed_benchmark

CLIPS = REAL_CLIPS / "personalization"
CHOSEN = ("face_0", "face_1", "horse")  # small random models find faces, and a subject, in them
METRICS = ("text_clip_similarity", "video_clip_similarity", "subject_dino_similarity",
           "arcface_similarity", "dynamic_degree", "temporal_consistency")  # fmt: skip
STILL = ("ELITE", "IP-Adapter", "PhotoMaker")  # methods whose videos have one frame

pytestmark = [
    pytest.mark.ray,
    pytest.mark.timeout(600),
    pytest.mark.real_clips,
]


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """The evaluation of two frames each, with weights and truth that were made before."""
    folder = tmp_path_factory.mktemp("models")
    weights = toy_models.write_small(folder) | toy_detectors.write_small(folder)
    workspace = open_workspace(Settings(root=str(folder / "store"), runner="in_process"))
    clips = folder / "clips"
    for name in CHOSEN:
        shutil.copytree(CLIPS / name, clips / name)
    truth = embed_benchmark(workspace, str(clips), EvaluateSpec(weights=weights))
    return (
        "evaluate", str(clips), "--layout", "miniature", "--metrics", ",".join(METRICS),
        "--num-frames", "2", "--weights", str(folder), "--truth", truth.path,
    )  # fmt: skip


def files(root: Path) -> dict[str, bytes]:
    (folder,) = root.glob("evaluations/*")
    said = json.loads((folder / "summary.json").read_text()) | {"made": ""}
    tables = ("scores.parquet", "videos.parquet")
    return {name: (folder / name).read_bytes() for name in tables} | {
        "summary.json": json.dumps(said).encode()
    }


def test_six_metrics_by_one_two_and_three_workers_and_a_kill(
    command: tuple[str, ...], tmp_path: Path, ray_cluster: str
) -> None:
    """One worker is killed half way and two end its work; three do all of it undisturbed."""
    ray = {"RUNNER": "ray", "RAY_ADDRESS": ray_cluster, "SHARD_SIZE": 3}
    for name in ("killed", "whole"):
        (tmp_path / name).mkdir()
    killed, whole = (Shop(tmp_path / name, **ray) for name in ("killed", "whole"))
    moment = ("after", "evaluations/*/receipts/*.json", 2)
    assert killed.run(*command, dies=moment, RUNNER="in_process").code == -signal.SIGKILL
    killed.ok(*command, WORKERS=2)
    whole.ok(*command, WORKERS=3)
    assert files(killed.root) == files(whole.root)
    check(whole.root)


def check(root: Path) -> None:
    """Every video counts, whole or failed; zeros and what is unmeasured say why."""
    said = json.loads(files(root)["summary.json"])
    assert sum(method["videos"] for method in said["methods"]) == 12
    for method in said["methods"]:
        assert method["absent"] == {}
        failed = method["videos"] if method["method"] in STILL else 0
        assert method["failed"] == failed, method["method"]
        for mean in method["means"]:
            assert mean["n"] + mean["unmeasured"] == method["videos"] - failed
    (folder,) = root.glob("evaluations/*")
    videos = pq.read_table(folder / "videos.parquet").to_pylist()
    assert {v["reason"] for v in videos if v["method"] in STILL} == {"rejected"}
    rows = pq.read_table(folder / "scores.parquet").to_pylist()
    assert {row["metric"] for row in rows} == {*METRICS, "dynamic_degree_flow"}
    assert all(row["reason"] for row in rows if row["value"] is None)
    subjects = [row for row in rows if row["metric"] == "subject_dino_similarity"]
    assert all(row["reason"] for row in subjects if row["value"] == 0)
    assert any(row["value"] for row in subjects if row["subject"])
    assert any(row["value"] for row in rows if row["metric"] == "arcface_similarity")
