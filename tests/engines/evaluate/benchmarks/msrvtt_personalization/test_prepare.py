"""Preparation of clips: file for file, resumable, one bad clip never the others' fault."""

import json
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from support import golden, inpainting
from support.annotated import CAPTION, MASKS, TAGS, annotate, entry, write_film

from data.outcome import Done, Failed
from engines.evaluate.benchmarks.msrvtt_personalization.background import Inpainter
from engines.evaluate.benchmarks.msrvtt_personalization.prepare import (
    BenchmarkClip,
    PreparePaths,
    Preparer,
    PrepareResult,
)
from engines.worker import WorkerSetup


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory):
    """Two good clips, made once, and the engine that made them."""
    root = tmp_path_factory.mktemp("prepared")
    for clip in ("a", "b"):
        annotate(root / "notes", clip)
        write_film(root / "films", clip, audio=clip == "a")
    made = Preparer(places(root), WorkerSetup(decode_deadline_s=60.0))
    (root / "data").mkdir()
    made.load()
    yield made
    made.close()


def places(root: Path) -> PreparePaths:
    return PreparePaths(*(str(root / name) for name in ("notes", "films", "drafts", "data")))


def run(engine: Preparer, *clips: str) -> dict[str, object]:
    return {outcome.id: outcome for outcome in engine.run([BenchmarkClip(clip) for clip in clips])}


def test_a_folder_has_the_published_files_and_nothing_else(engine: Preparer) -> None:
    assert run(engine, "a", "b")["a"] in (
        Done("a", PrepareResult(True, False)), Done("a", PrepareResult(False, False))
    )  # fmt: skip
    folder = Path(engine.paths.clips) / "a"
    assert sorted(file.name for file in folder.iterdir()) == [
        "blue_cap.frame2.png", "frame1.jpg", "frame2.jpg", "frame3.jpg", "man.face.frame1.png",
        "man.face.frame2.png", "man.frame1.png", "man.frame2.png", "man.frame3.png",
        "summary_text.txt", "video.mp4", "word_tags.json",
    ]  # fmt: skip
    assert (folder / "summary_text.txt").read_bytes() == CAPTION.encode()
    assert (folder / "word_tags.json").read_text() == (
        '{\n    "subject": ["man"],\n    "object": ["blue cap"],\n'
        '    "background": ["cloudy, forested area"],\n    "subject_with_face": ["man"]\n}'
    )
    assert json.loads((folder / "word_tags.json").read_text()) == TAGS
    with av.open(str(folder / "video.mp4")) as container:
        assert [stream.type for stream in container.streams] == ["video", "audio"]
        video = container.streams.video[0]
        assert (video.width, video.height, video.frames) == (72, 64, 20)


def test_a_cut_out_is_its_frame_and_transparent_outside_of_its_mask(engine: Preparer) -> None:
    run(engine, "a")
    folder = Path(engine.paths.clips) / "a"
    frame = np.asarray(Image.open(folder / "frame2.jpg").convert("RGB"))
    seen = np.asarray(Image.open(folder / "man.frame2.png"))
    assert np.array_equal(seen[..., :3], frame[8:60, 10:40])
    assert np.array_equal(seen[..., 3], MASKS["man"][0]["mask"] * np.uint8(255))
    cap = np.asarray(Image.open(folder / "blue_cap.frame2.png"))
    assert np.array_equal(cap[..., :3], frame[40:64, 60:72])


def test_what_is_there_is_not_made_again(engine: Preparer) -> None:
    run(engine, "a")
    file = Path(engine.paths.clips) / "a" / "video.mp4"
    before = file.stat().st_mtime_ns
    assert run(engine, "a")["a"] == Done("a", PrepareResult(False, False))
    assert file.stat().st_mtime_ns == before


def test_a_folder_of_another_annotation_is_left_alone(engine: Preparer) -> None:
    run(engine, "b")
    try:
        annotate(Path(engine.paths.annotations), "b", caption="Something else.")
        found = run(engine, "b")["b"]
    finally:
        annotate(Path(engine.paths.annotations), "b")
    assert isinstance(found, Failed)
    assert "move it away" in found.detail
    assert (Path(engine.paths.clips) / "b" / "summary_text.txt").read_text() == CAPTION


def test_a_folder_that_is_no_clip_is_left_alone(engine: Preparer) -> None:
    annotate(Path(engine.paths.annotations), "mine")
    write_film(Path(engine.paths.videos), "mine")
    file = Path(engine.paths.clips) / "mine" / "notes.txt"
    file.parent.mkdir()
    file.write_text("not yours")
    found = run(engine, "mine")["mine"]
    assert "move it away" in found.detail
    assert file.read_text() == "not yours"


def test_backgrounds_are_painted_with_a_clip_or_added_to_it(tmp_path: Path) -> None:
    for clip in ("a", "b"):
        annotate(tmp_path / "notes", clip)
        write_film(tmp_path / "films", clip)
    (tmp_path / "data").mkdir()
    inpainting.save_pipeline(str(tmp_path / "pipeline"))
    engine = Preparer(places(tmp_path), WorkerSetup())
    engine.load()
    assert run(engine, "a")["a"] == Done("a", PrepareResult(True, False))
    how = {"num_inference_steps": 2, "guidance_scale": 12.0}
    engine._inpainter = Inpainter(str(tmp_path / "pipeline"), side=64, options=how)
    engine._inpainter.load()
    found = run(engine, "a", "b")
    engine.close()
    assert found == {
        "a": Done("a", PrepareResult(False, True)),
        "b": Done("b", PrepareResult(True, True)),
    }
    for clip in ("a", "b"):
        seen = Image.open(tmp_path / "data" / clip / "background.jpg")
        assert seen.size == (72, 64)
    added, made = ((tmp_path / "data" / c / "background.jpg").read_bytes() for c in "ab")
    assert added == made


def test_one_bad_clip_costs_no_other(engine: Preparer) -> None:
    notes, films = Path(engine.paths.annotations), Path(engine.paths.videos)
    annotate(notes, "gone")
    annotate(notes, "web")
    golden.html(films / "web.mp4")
    annotate(notes, "short", timestamp=["00:00:01.0", "00:01:00.0"])
    write_film(films, "short")
    annotate(notes, "clash", MASKS | {"blue_cap": [entry(1, (0, 0, 9, 9))]})
    write_film(films, "clash")
    annotate(notes, "globs", {"a [wild] *?": [entry(1, (0, 0, 9, 9))]},
             word_tags=TAGS | {"subject": ["a [wild] *?"], "object": []})  # fmt: skip
    write_film(films, "globs")
    found = run(engine, "gone", "web", "short", "clash", "globs", "..", "a")
    reasons = {id: outcome.reason for id, outcome in found.items() if isinstance(outcome, Failed)}
    assert reasons == {"gone": "missing", "web": "undecodable", "short": "rejected",
                       "clash": "rejected", "..": "rejected"}  # fmt: skip
    assert isinstance(found["a"], Done)
    assert (Path(engine.paths.clips) / "globs" / "a_[wild]_*?.frame1.png").exists()
    assert not (Path(engine.paths.clips) / "web").exists()


def test_a_pipe_in_place_of_a_video_is_never_waited_for(tmp_path: Path) -> None:
    import os

    annotate(tmp_path / "notes", "pipe")
    (tmp_path / "films").mkdir()
    os.mkfifo(tmp_path / "films" / "pipe.mp4")
    annotate(tmp_path / "notes", "a")
    write_film(tmp_path / "films", "a")
    (tmp_path / "data").mkdir()
    engine = Preparer(places(tmp_path), WorkerSetup(decode_deadline_s=20.0))
    engine.load()
    try:
        found = run(engine, "pipe", "a")
    finally:
        engine.close()
    assert isinstance(found["pipe"], Failed)
    assert isinstance(found["a"], Done)
