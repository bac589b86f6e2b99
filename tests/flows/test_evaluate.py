"""The evaluate command on real small files: figures, files, repetition, and what it refuses."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from support import golden
from support.generated import run_in

from data.specs.models import REAL, SHAPES
from data.store import tables

pytestmark = pytest.mark.usefixtures("plain_flows")

STEADY = ("--metrics", "temporal_consistency")
EIGHT = ("--num-frames", "8")


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    """Three good ones, a broken and a short one."""
    folder = tmp_path / "mine"
    folder.mkdir()
    for n, name in enumerate("abc"):
        golden.clip(folder / f"{name}.mp4", frames=10 + n, fps=8)
    golden.clip(folder / "short.mp4", frames=2, fps=8)
    golden.html(folder / "torn..mp4")
    return folder


def files(workspace, evaluation: str) -> dict[str, bytes]:
    """All that an evaluation left, without what took another time."""
    folder = workspace.store.local_path(f"evaluations/{evaluation}")
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.parent.name != "receipts"
    }


@pytest.mark.usefixtures("prefect_backend")
def test_every_video_is_measured_or_a_row_with_a_reason(
    workspace, reelflow, videos: Path, tmp_path: Path
) -> None:
    rows, flat = tmp_path / "rows.parquet", tmp_path / "mine.json"
    code, out, err = reelflow(
        "evaluate", str(videos), *STEADY, "--num-frames", "8", "--method", "ours", "--json",
        "--per-video", str(rows), "--reference-json", str(flat),
    )  # fmt: skip
    assert code == 0, err
    said = json.loads(out)
    record = json.loads(workspace.store.read(f"evaluations/{said['evaluation']}/spec.json"))
    assert record["spec"]["clip"]["model"] == SHAPES, "unused: as in fingerprints of old"
    (method,) = said["methods"]
    (mean,) = method["means"]
    assert (method["method"], method["videos"], method["failed"], mean["n"]) == ("ours", 5, 2, 3)
    assert (method["size"], method["fps"], method["frames"]) == ("96x64", 8.0, 8)
    assert json.loads(flat.read_text()) == {"temporal_consistency_score": mean["mean"]}
    by = {row["clip"]: row for row in pq.read_table(rows).to_pylist()}
    assert list(by) == ["a", "b", "c", "short", "torn."]
    assert by["short"]["reason"].startswith("rejected: has 2 of the 8")
    assert by["torn."]["reason"].startswith("undecodable: ")
    assert all(by[name]["reason"] is None and 0 < by[name]["value"] < 1 for name in "abc")
    folder = workspace.store.local_path(f"evaluations/{said['evaluation']}")
    assert pq.read_schema(folder / "scores.parquet").equals(tables.MEASURES)
    assert pq.read_schema(folder / "videos.parquet").equals(tables.EVALUATED_VIDEOS)
    assert json.loads((folder / "summary.json").read_text()) == said
    assert (folder / "reference" / "ours.json").read_bytes() == flat.read_bytes()


def test_the_same_again_measures_nothing_and_leaves_the_same_bytes(
    workspace, reelflow, videos: Path
) -> None:
    command = ("evaluate", str(videos), *STEADY, "--num-frames", "all", "--json")
    first = json.loads(reelflow(*command)[1])
    receipts = list(workspace.store.local_path("evaluations").glob("*/receipts/*"))
    before = files(workspace, first["evaluation"]), [file.stat().st_mtime_ns for file in receipts]
    assert json.loads(reelflow(*command)[1]) == first
    after = files(workspace, first["evaluation"]), [file.stat().st_mtime_ns for file in receipts]
    assert after == before
    moved = videos.rename(videos.with_name("elsewhere"))
    again = json.loads(reelflow("evaluate", str(moved), "--method", "mine", *command[2:])[1])
    assert again == first  # a name is of the videos, not of where they lie
    golden.clip(moved / "a.mp4", frames=20, fps=8)
    other = json.loads(reelflow("evaluate", str(moved), "--method", "mine", *command[2:])[1])
    assert other["evaluation"] != first["evaluation"]


def test_evaluations_are_listed_and_the_catalogue_rebuilds(
    workspace, reelflow, videos: Path
) -> None:
    said = json.loads(reelflow("evaluate", str(videos), *STEADY, "--json")[1] or "{}")
    assert not said  # every one is shorter than 16
    said = json.loads(reelflow("evaluate", str(videos), *STEADY, "--num-frames", "8", "--json")[1])
    listed = json.loads(reelflow("evaluations", "--json")[1])
    mine = [row for row in listed if row["evaluation"] == said["evaluation"]]
    assert [row["mean"] for row in mine] == [said["methods"][0]["means"][0]["mean"]]
    workspace.rebuild_catalog()
    assert json.loads(reelflow("evaluations", "--json")[1]) == listed
    assert "T-Cons" in reelflow("evaluations")[1]


def test_what_met_no_memory_is_measured_when_the_same_is_asked_again(
    reelflow, videos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    from engines.evaluate.metrics import temporal_consistency

    def meet_others(self, sample):
        raise torch.OutOfMemoryError("CUDA out of memory: other processes have the rest")

    command = ("evaluate", str(videos), *STEADY, "--num-frames", "8", "--json")
    with monkeypatch.context() as shared:
        shared.setattr(temporal_consistency.Metric, "score", meet_others)
        code, _, err = reelflow(*command)
        assert code == 1 and "3 out_of_memory" in err
    (method,) = json.loads(reelflow(*command)[1])["methods"]
    assert (method["means"][0]["n"], method["failed"]) == (3, 2)


def test_what_timed_out_is_measured_when_the_same_is_asked_again(
    reelflow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "large").mkdir()
    large = golden.clip(tmp_path / "large" / "a.mp4", frames=8, fps=8, size=(1280, 720))
    command = ("evaluate", str(large.parent), *STEADY, "--num-frames", "8", "--json")
    with monkeypatch.context() as hasty:
        hasty.setenv("REELFLOW_DECODE_DEADLINE_S", "0.000001")
        code, _, err = reelflow(*command)
        assert code == 1 and "timeout" in err
        (row,) = json.loads(reelflow("evaluations", "--json")[1])
        assert (row["n"], row["failed"], row["mean"]) == (0, 1, None)
    (method,) = json.loads(reelflow(*command)[1])["methods"]
    (row,) = json.loads(reelflow("evaluations", "--json")[1])
    assert (row["n"], row["failed"]) == (1, 0)
    assert row["mean"] == method["means"][0]["mean"]


def test_a_run_of_ours_is_measured_with_what_was_not_made(workspace, reelflow, tmp_path) -> None:
    run = run_in(
        workspace.store, ["a cat", "a dog"], [golden.clip(tmp_path / "clip.mp4", frames=3)],
        fails={1: "no"},
    )  # fmt: skip
    command = ("evaluate", run.fingerprint, *STEADY, "--num-frames", "all", "--json")
    (method,) = json.loads(reelflow(*command)[1])["methods"]
    assert (method["method"], method["videos"], method["failed"]) == (run.fingerprint, 2, 1)


def test_a_metric_without_weights_is_absent_and_the_others_are_measured(
    reelflow, videos: Path
) -> None:
    command = ("evaluate", str(videos), "--num-frames", "8", "--mode", "subject")
    code, out, _ = reelflow(*command, "--json")
    said = json.loads(out)
    (method,) = said["methods"]
    assert code == 0
    assert (said["benchmark"], said["mode"]) == ("msrvtt-personalization", "subject")
    assert [mean["metric"] for mean in method["means"]] == ["temporal_consistency"]
    assert set(method["absent"]) == {
        "text_clip_similarity", "video_clip_similarity", "subject_dino_similarity",
        "dynamic_degree",
    }  # fmt: skip
    assert "raft-things.pth" in method["absent"]["dynamic_degree"]
    shown = reelflow(*command)[1]
    assert "dynamic_degree" in shown and "0.9" in shown


def test_dropped_videos_are_counted(reelflow, videos: Path) -> None:
    drop = ("--remainder", "drop", "--world-size", "2", "--num-frames", "all")
    (method,) = json.loads(reelflow("evaluate", str(videos), *STEADY, *drop, "--json")[1])[
        "methods"
    ]
    assert (method["videos"], method["dropped"], method["failed"]) == (5, 1, 0)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--metrics", "dynamic_degree"], "raft"),
        ([*STEADY, "--benchmark", "another"], "another"),
        (["--metrics", "beauty"], "beauty"),
        ([*STEADY, "--num-frames", "50"], "all 5 videos failed"),
        ([*STEADY, "--truth", "/no/such"], "no folder /no/such of embeddings"),
        ([*STEADY, "--layout", "miniature"], "no videos in"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_exit_code_1(
    reelflow, videos: Path, words: list[str], says: str
) -> None:
    code, _, err = reelflow("evaluate", str(videos), *words)
    assert code == 1
    assert says in [line for line in err.splitlines() if line][-1]


@pytest.mark.parametrize(
    "words",
    [["--num-frames", "few"], ["--num-frames", "0"], ["--weight", "raft"], ["--crop", "round"],
     ["--mode", "both"]],
)  # fmt: skip
def test_wrong_usage_is_exit_code_2(reelflow, videos: Path, words: list[str]) -> None:
    assert reelflow("evaluate", str(videos), *words)[0] == 2


def test_videos_of_other_frame_rates_are_told_of(reelflow, tmp_path: Path) -> None:
    for rate in (8, 16):
        golden.clip(tmp_path / "mixed" / f"{rate}.mp4", frames=10, fps=rate)
        golden.clip(tmp_path / "alike" / f"{rate}.mp4", frames=10, fps=8)
    assert "frame rates differ" in reelflow("evaluate", str(tmp_path / "mixed"), *STEADY, *EIGHT)[2]
    assert "frame rates" not in reelflow("evaluate", str(tmp_path / "alike"), *STEADY, *EIGHT)[2]


@pytest.mark.usefixtures("no_hub")
def test_text_similarity_of_a_folder_is_by_a_real_model_or_the_one_that_is_named(
    workspace, reelflow, videos: Path, tmp_path: Path
) -> None:
    prompts = tmp_path / "prompts.jsonl"
    prompts.write_text('{"id": "a", "prompt": "a red circle"}\n')
    measure = ("evaluate", str(videos), "--metrics", "text_similarity", "--prompts", str(prompts))
    code, _, err = reelflow(*measure)
    assert code and REAL in err and "--clip-weights" in err and "--clip-engine" in err
    assert not workspace.store.list_names("evaluations"), "nothing was measured by another model"
    code, out, err = reelflow(*measure, "--clip-model", SHAPES, "--num-frames", "8", "--json")
    assert code == 0, err
    assert json.loads(out)["methods"][0]["means"][0]["n"] == 1
