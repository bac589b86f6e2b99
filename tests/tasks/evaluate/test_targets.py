"""Which videos an evaluation finds, and what it knows of them."""

import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from support import golden
from support.generated import run_in

from data.errors import UserError
from data.runs.evaluations import GroundTruthRef, Target
from data.specs.evaluate import EvaluateSpec
from data.store.storage import Store
from tasks.evaluate.clip_sets import list_videos
from tasks.evaluate.ground_truth import digest_ground_truths, find_ground_truth
from tasks.evaluate.request import build_source
from tasks.evaluate.targets import Source, apply_remainder, list_targets
from tasks.progress import add_listener, remove_listener


def touched(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())
    return folder


def miniature(folder: Path) -> Path:
    for clip, mode, methods in (("cat", "subject", "AB"), ("face", "face", "BC")):
        touched(folder, *(f"{clip}/{m}.mp4" for m in (*methods, "ground_truth")), f"{clip}/c.jpg")
        said = {"clip": clip, "caption": f"a {clip}", "conditioned_word": clip, "mode": mode}
        (folder / clip / "sample.json").write_text(json.dumps(said))
    return touched(folder, "readme/about.txt")


def test_all_commands_take_the_same_endings_and_name_what_they_leave(
    workspace, tmp_path: Path, caplog
) -> None:
    names = ["UPPER.MP4", "a.gif", "b.m4v", "c.ts", "d.Webm"]
    folder = touched(tmp_path / "mine", *names, "d.json", "notes.doc", "sub/z.mp4", ".hidden")
    noted: list[str] = []
    add_listener(listener := lambda progress: noted.append(progress.note))
    try:
        assert ids(list_targets(workspace, Source(str(folder)))) == sorted(names)
        found, _ = list_videos(workspace, str(folder))
    finally:
        remove_listener(listener)
    assert {Path(video.uri).name for video in found} == {*names, "z.mp4"}
    measured, compared = noted
    assert "notes.doc" in measured and "sub/" in measured and "1 folder" in measured
    assert "notes.doc" in compared and not {"sub/", "d.json", ".hidden"} & set(compared.split())


@pytest.mark.slow
def test_a_folder_in_object_storage_is_one_as_on_disk(workspace, bucket, tmp_path: Path) -> None:
    folder = touched(tmp_path / "mine", "b.mp4", "a.webp", "b.json", "sub/z.mp4")
    there = Store("s3://videos/mine")
    for file in folder.rglob("*.*"):
        there.write(str(file.relative_to(folder)), file.read_bytes())
    found = list_targets(workspace, Source("s3://videos/mine/"))
    assert [replace(t, uri="") for t in found] == [
        replace(t, uri="") for t in list_targets(workspace, Source(str(folder)))
    ]
    assert [target.uri for target in found] == [f"s3://videos/mine/{id}" for id in ids(found)]
    with pytest.raises(UserError, match="s3://videos/nothing"):
        list_targets(workspace, Source("s3://videos/nothing"))
    with pytest.raises(UserError, match="official"):
        list_targets(workspace, Source("s3://videos/mine", "official"))


def ids(found: list[Target]) -> list[str]:
    return [target.id for target in found]


def test_a_folders_videos_are_found_by_their_endings_in_order_not_below_it(
    workspace, tmp_path: Path
) -> None:
    names = ["b.mp4", "a.webp", "a-b.mov", "..x.mkv", "c..d.avi", "e.webm", "b.MP4"]
    folder = touched(tmp_path / "mine", *names, "b.json", "sub/z.mp4")
    found = list_targets(workspace, Source(str(folder)))
    assert ids(found) == sorted(names)
    by = {target.id: target for target in found}
    assert by["c..d.avi"].clip == "c..d" and by["..x.mkv"].clip == "..x"
    assert by["b.mp4"].content == sha256(b"b.mp4").hexdigest()
    assert {target.method for target in found} == {"mine"}
    assert by["b.mp4"].truth == GroundTruthRef("prompt", "", "b")


def test_the_official_layout_has_its_truth_beside_the_videos(workspace, tmp_path: Path) -> None:
    folder = touched(tmp_path, "video1.mp4", "video1.text_embeddings.pt", "video2.mp4")
    first, second = list_targets(workspace, Source(str(folder), "official", methods=("X",)))
    assert first.truth == GroundTruthRef("sidecars", str(folder / "video1"), "video1")
    assert first.method == "X"
    before = digest_ground_truths([first, second])
    touched(folder, "video2.face_embeddings.pt")
    after = digest_ground_truths([first, second])
    assert before["video1.mp4"] == after["video1.mp4"]
    assert before["video2.mp4"] != after["video2.mp4"]


def test_a_folder_of_truth_is_ours_by_its_parquet_files(workspace, tmp_path: Path) -> None:
    assert (
        find_ground_truth(str(touched(tmp_path / "a", "clip/text_embeddings.pt"))).kind
        == "official"
    )
    assert find_ground_truth(str(touched(tmp_path / "b", "clip.parquet"))).kind == "parquet"
    with pytest.raises(UserError, match="benchmark embed"):
        find_ground_truth(str(tmp_path / "c"))
    source = build_source(str(touched(tmp_path / "v", "clip.mp4")), truth=str(tmp_path / "a"))
    (found,) = list_targets(workspace, source)
    assert found.truth == GroundTruthRef("official", str(tmp_path / "a"), "clip")


def test_of_a_miniature_every_method_but_the_real_clips(workspace, tmp_path: Path) -> None:
    folder = miniature(tmp_path / "mini")
    found = list_targets(workspace, Source(str(folder), "miniature"))
    assert ids(found) == ["cat/A.mp4", "cat/B.mp4", "face/B.mp4", "face/C.mp4"]
    assert found[0].asked == {"prompt": "a cat", "word": "cat"}
    only = list_targets(workspace, Source(str(folder), "miniature", mode="face"))
    assert ids(only) == ["face/B.mp4", "face/C.mp4"]
    real = list_targets(workspace, Source(str(folder), "miniature", methods=("ground_truth", "A")))
    assert ids(real) == ["cat/A.mp4", "cat/ground_truth.mp4", "face/ground_truth.mp4"]
    with pytest.raises(UserError, match="A, B, C, ground_truth"):
        list_targets(workspace, Source(str(folder), "miniature", methods=("Z",)))
    (folder / "cat" / "sample.json").write_text("{}")
    with pytest.raises(UserError, match="conditioned_word"):
        list_targets(workspace, Source(str(folder), "miniature"))


def test_a_run_of_ours_counts_what_was_not_made(workspace, tmp_path: Path) -> None:
    clips = [golden.clip(tmp_path / "clip.mp4", frames=3)]
    run = run_in(workspace.store, ["a cat", "a dog"], clips, fails={1: "no"})
    found = list_targets(workspace, Source(run.fingerprint))
    assert [(t.id, t.clip, t.method) for t in found] == [
        ("000-0", "000", run.fingerprint), ("001-0", "001", run.fingerprint)
    ]  # fmt: skip
    assert found[0].asked == {"prompt": "a cat"}
    assert Path(found[0].uri).is_file() and not Path(found[1].uri).exists()


def test_what_was_asked_for_comes_from_a_table_by_clip(workspace, tmp_path: Path) -> None:
    folder = touched(tmp_path / "v", "a.mp4", "b.mp4")
    table = tmp_path / "prompts.jsonl"
    table.write_text('{"id": "a", "txt": "a ring", "shape": "ring", "size": 3, "none": null}\n')
    first, second = list_targets(workspace, Source(str(folder), prompts=str(table)))
    assert first.asked == {"id": "a", "txt": "a ring", "prompt": "a ring", "shape": "ring",
                           "size": "3"}  # fmt: skip
    assert second.asked == {}
    table.write_text('{"id": "z", "txt": "a ring"}\n')
    with pytest.raises(UserError, match="ids"):
        list_targets(workspace, Source(str(folder), prompts=str(table)))


def test_sources_that_name_nothing_say_so(workspace, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="/no/such"):
        list_targets(workspace, Source("/no/such"))
    with pytest.raises(UserError, match="no run '0123'"):
        list_targets(workspace, Source("0123"))
    with pytest.raises(UserError, match=r"\.mp4"):
        list_targets(workspace, Source(str(touched(tmp_path, "a.txt"))))
    with pytest.raises(UserError, match="--method"):
        list_targets(workspace, Source(str(touched(tmp_path, "a.mp4")), methods=("A", "B")))


def test_dropping_leaves_out_the_last_of_each_method_in_order_of_name(
    workspace, tmp_path: Path
) -> None:
    folder = touched(tmp_path / "v", "a.mp4", "a-b.mp4", "b.mp4", "c.mp4", "d.mp4")
    found = list_targets(workspace, Source(str(folder)))
    some, dropped = apply_remainder(found, EvaluateSpec(remainder="drop", world_size=4))
    assert [target.clip for target in some] == ["a", "a-b", "b", "c"]
    assert dropped == {"v": 1}
    whole, none = apply_remainder(found, EvaluateSpec(world_size=4))
    assert len(whole) == 5 and none == {}
    with pytest.raises(UserError, match="world size"):
        apply_remainder(found, EvaluateSpec(remainder="drop", world_size=8))
