"""`reelflow benchmark`: the commands as users run them, from annotations to vectors."""

import json
from pathlib import Path

import pytest
import torch
from support import toy_models
from support.annotated import annotate, write_film
from support.commands import Shop, wait_until

from data.specs.evaluate import EvaluateSpec
from data.workspace import Workspace
from engines.evaluate.models import arcface
from tasks.evaluate.benchmark_embed import embed_folder
from tasks.evaluate.benchmark_prepare import prepare_benchmark


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Those of faces alone: what needs the others is left out."""
    folder = tmp_path_factory.mktemp("weights")
    torch.save(toy_models.arcface_state(), folder / arcface.FILE)
    return str(folder)


def annotated(folder: Path, *clips: str) -> tuple[str, str]:
    for clip in clips:
        annotate(folder / "notes", clip)
        write_film(folder / "films", clip)
    return str(folder / "notes"), str(folder / "films")


def test_from_annotations_to_lists_and_vectors(
    reelflow, prefect_backend, weights: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes, films = annotated(tmp_path, "video1", "video2")
    monkeypatch.chdir(tmp_path)
    code, out, err = reelflow("benchmark", "prepare", notes, films, "data", "--json")
    assert code == 0, err
    assert json.loads(out)["made"] == 2
    code, out, err = reelflow("benchmark", "lists", "data", "--json")
    assert code == 0, err
    line = "{'man': ['data/video1/man.face.frame2.png']}"
    assert Path("face_mode_word_tag_single_face_crop.txt").read_text().startswith(line)
    for layout, file in (("parquet", "video2.parquet"), ("official", "video2/face_embeddings.pt")):
        words = ("data", layout, "--weights", weights, "--layout", layout, "--annotations", notes)
        code, out, err = reelflow("benchmark", "embed", *words, "--json")
        assert code == 0, err
        made = json.loads(out)
        assert (made["made"], sorted(made["absent"])) == (2, ["clip", "dino"])
        assert Path(layout, file).exists()
    code, out, err = reelflow("benchmark", "embed", "data", "more")
    assert code == 1
    assert "curl" in err


def test_killed_while_clips_are_cut_a_second_run_makes_the_rest(tmp_path: Path) -> None:
    clips = [f"video{n}" for n in range(1, 7)]
    asked = annotated(tmp_path, *clips)
    shop, data = Shop(tmp_path), tmp_path / "data"
    run = shop.start("benchmark", "prepare", *asked, str(data))
    first = wait_until(lambda: sorted(data.glob("*/video.mp4")), "a clip was there")[0]
    run.kill()
    there, stamp = len(list(data.iterdir())), first.stat().st_mtime_ns
    assert there < len(clips)
    assert all((clip / "blue_cap.frame2.png").exists() for clip in data.iterdir())
    made = shop.json("benchmark", "prepare", *asked, str(data))
    assert (made["there"], made["made"]) == (there, len(clips) - there)
    assert first.stat().st_mtime_ns == stamp
    assert sorted(path.name for path in data.iterdir()) == clips
    assert not (tmp_path / ".data.drafts").exists()


def test_killed_between_clips_embedding_leaves_what_an_undisturbed_run_does(
    workspace: Workspace, weights: str, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    prepare_benchmark(workspace, *annotated(tmp_path, "video1", "video2", "video3"), str(data))
    words = ("benchmark", "embed", str(data), str(tmp_path / "known"), "--weights", weights)
    died = Shop(tmp_path).run(*words, dies=("during", "known/video2.parquet"))
    assert died.code == -9
    assert [path.name for path in (tmp_path / "known").glob("*.parquet")] == ["video1.parquet"]
    again = embed_folder(workspace, str(data), str(tmp_path / "known"), EvaluateSpec(), weights)
    assert again["made"] == 2
    embed_folder(workspace, str(data), str(tmp_path / "undisturbed"), EvaluateSpec(), weights)
    assert files(tmp_path / "known") == files(tmp_path / "undisturbed")
    assert len(files(tmp_path / "known")) == 4


def files(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}
