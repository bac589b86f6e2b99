"""Vectors of clips by small real models: which pictures they are of, and what is left out."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import golden, toy_models
from support.annotated import CAPTION, MASKS, TAGS, annotate, entry, write_film
from support.paths import REAL_CLIPS

from data.outcome import Done, Failed
from data.runs.benchmark import Part
from data.specs.evaluate import EvaluateSpec
from engines.evaluate.benchmarks.msrvtt_personalization.embedding import (
    MODELS,
    ReferenceEmbedder,
)
from engines.evaluate.benchmarks.msrvtt_personalization.folder import BenchmarkClip
from engines.evaluate.benchmarks.msrvtt_personalization.prepare import (
    PreparePaths,
    Preparer,
)
from engines.evaluate.benchmarks.msrvtt_personalization.sources import PreparedClip
from engines.evaluate.vision.registry import ModelRegistry
from engines.worker import WorkerSetup

MINIATURE = REAL_CLIPS / "personalization"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Prepared clips in `data`: `a`, `b` without an object's cut-out, `c` with two faces."""
    folder = tmp_path_factory.mktemp("benchmark")
    places = PreparePaths(*(str(folder / name) for name in ("notes", "films", "drafts", "data")))
    two = ["man", "cap"]
    tags = {"b": TAGS | {"object": ["blue cap", "cap"]},
            "c": TAGS | {"subject": two, "subject_with_face": two}}  # fmt: skip
    for clip in ("a", "b", "c"):
        annotate(folder / "notes", clip, word_tags=tags.get(clip, TAGS))
        write_film(folder / "films", clip)
    (folder / "data").mkdir()
    engine = Preparer(places, WorkerSetup())
    engine.load()
    assert all(isinstance(each, Done) for each in engine.run([BenchmarkClip(c) for c in "abc"]))
    engine.close()
    return folder


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> EvaluateSpec:
    weights = toy_models.write_small(tmp_path_factory.mktemp("weights"))
    return EvaluateSpec(metrics=(), weights=weights)


def known(folder: Path, spec: EvaluateSpec, *clips: str, models=MODELS, **how) -> dict:
    engine = ReferenceEmbedder(str(folder), spec, models, WorkerSetup(), **how)
    engine.load()
    try:
        return {
            outcome.id: outcome for outcome in engine.run([BenchmarkClip(clip) for clip in clips])
        }
    finally:
        engine.close()


def by_kind(parts: list[Part]) -> dict[tuple[str, str | None], Part]:
    return {(part.kind, part.tag): part for part in parts}


def test_every_kind_is_made_of_its_own_pictures(root: Path, spec: EvaluateSpec) -> None:
    clip, models = root / "data" / "a", ModelRegistry(spec)
    found = by_kind(known(root / "data", spec, "a")["a"].value)
    assert list(found) == [("text", None), ("video", None), ("subject", "man"),
                           ("object", "blue cap"), ("face", None)]  # fmt: skip
    frames = np.stack([np.asarray(Image.open(clip / f"frame{n}.jpg")) for n in (1, 2, 3)])
    cuts = [np.asarray(Image.open(clip / f"man.frame{n}.png")) for n in (1, 2, 3)]
    white = [np.where(cut[..., 3:] == 0, 255, cut[..., :3]).astype(np.uint8) for cut in cuts]
    # The annotated boxes, cut out of the frames themselves.
    faces = [frames[0][10:24, 20:32], frames[1][10:24, 18:30]]
    clip_model, dino, arcface = (models.get(name) for name in MODELS)
    expected = {
        ("text", None): clip_model.embed_texts([CAPTION]),
        ("video", None): clip_model.embed_images(frames),
        ("subject", "man"): dino.embed(white), ("face", None): arcface.embed(faces),
    }  # fmt: skip
    for key, vectors in expected.items():
        assert found[key].vectors.dtype == np.float32
        assert np.array_equal(found[key].vectors, vectors), key
    assert found["object", "blue cap"].vectors.shape == (1, 64)
    assert [model.dim for model in (clip_model, dino, arcface)] == [48, 64, 32]


def test_a_face_beyond_the_frame_is_padded_with_black(tmp_path: Path) -> None:
    """As Pillow crops the published box; the cut-out itself ends at the frame."""
    places = PreparePaths(*(str(tmp_path / name) for name in ("notes", "films", "drafts", "data")))
    box = (60, 40, 90, 80)
    masks = MASKS | {"man": [entry(2, box, face=True, extra=2), entry(2, (10, 8, 40, 60))]}
    annotate(tmp_path / "notes", "a", masks)
    write_film(tmp_path / "films", "a")
    (tmp_path / "data").mkdir()
    engine = Preparer(places, WorkerSetup())
    engine.load()
    assert all(isinstance(each, Done) for each in engine.run([BenchmarkClip("a")]))
    engine.close()
    clip = tmp_path / "data" / "a"
    assert Image.open(clip / "man.face.frame2.png").size == (12, 24)
    wanted = np.asarray(Image.open(clip / "frame2.jpg").convert("RGB").crop(box))
    assert wanted.shape == (40, 30, 3) and not wanted[24:].any() and wanted[:24, :12].any()
    for notes in (None, str(tmp_path / "notes")):
        [face] = PreparedClip(clip, notes).read_faces()
        assert np.array_equal(face, wanted)


def test_faces_follow_the_annotations_where_they_are_given(root: Path, spec: EvaluateSpec) -> None:
    usual = by_kind(known(root / "data", spec, "a")["a"].value)["face", None]
    told = known(root / "data", spec, "a", annotations=str(root / "notes"))["a"].value
    assert np.array_equal(by_kind(told)["face", None].vectors, usual.vectors[::-1])


def test_real_frames_are_cropped_to_their_centre_whatever_the_spec_says_of_videos(
    root: Path, spec: EvaluateSpec
) -> None:
    usual = by_kind(known(root / "data", spec, "a")["a"].value)
    other = spec.model_copy(update={"crop": "long"})
    found = by_kind(known(root / "data", other, "a")["a"].value)
    assert np.array_equal(found["video", None].vectors, usual["video", None].vectors)


def test_what_is_not_there_is_said(root: Path, spec: EvaluateSpec) -> None:
    found = known(root / "data", spec, "b", "c")
    assert by_kind(found["b"].value)["object", "cap"].reason is not None
    assert "exactly one" in by_kind(found["c"].value)["face", None].reason


def test_an_absent_model_leaves_its_kinds_out_with_the_line_that_fetches_it(
    root: Path, spec: EvaluateSpec
) -> None:
    weights = {name: file for name, file in spec.weights.items() if name != "dino"}
    few = spec.model_copy(update={"weights": weights})
    found = by_kind(known(root / "data", few, "a", models=("clip", "dino"))["a"].value)
    assert "curl" in found["subject", "man"].reason
    assert found["face", None].reason == "not requested"
    assert found["text", None].vectors is not None


def test_a_clip_that_cannot_be_read_costs_no_other(
    root: Path, spec: EvaluateSpec, tmp_path: Path
) -> None:
    import shutil

    data = Path(shutil.copytree(root / "data", tmp_path / "data"))
    (data / "a" / "frame2.jpg").write_bytes(b"no picture")
    (data / "c" / "summary_text.txt").unlink()
    (data / "d").mkdir()
    found = known(data, spec, "a", "b", "c", "d", "..")
    reasons = {id: each.reason for id, each in found.items() if isinstance(each, Failed)}
    assert reasons == {"a": "undecodable", "c": "rejected", "d": "rejected", "..": "rejected"}


@pytest.mark.parametrize("mode", ["subject", "face"])
def test_the_miniature_is_a_source_as_it_lies(
    mode: str, spec: EvaluateSpec, tmp_path: Path
) -> None:
    clip = tmp_path / "horse"
    golden.clip(clip / "ground_truth.mp4", frames=40)
    Image.fromarray(golden.picture(3)).save(clip / "conditioning.jpg")
    (clip / "sample.json").write_text(
        f'{{"clip": "horse", "caption": "A horse.", "conditioned_word": "horse", "mode": "{mode}"}}'
    )
    found = by_kind(known(tmp_path, spec, "horse")["horse"].value)
    seen = np.asarray(Image.open(clip / "conditioning.jpg"))
    models = ModelRegistry(spec)
    assert np.array_equal(found["text", None].vectors, models.get("clip").embed_texts(["A horse."]))
    assert found["video", None].vectors.shape == (3, 48)
    if mode == "subject":
        expected = models.get("dino").embed([seen])
        assert np.array_equal(found["subject", "horse"].vectors, expected)
        assert found["face", None].vectors is None
    else:
        assert np.array_equal(found["face", None].vectors, models.get("arcface").embed([seen]))
        assert ("subject", "horse") not in found


def test_a_miniature_with_a_broken_video_is_a_row(spec: EvaluateSpec, tmp_path: Path) -> None:
    clip = tmp_path / "horse"
    golden.html(golden.clip(clip / "ground_truth.mp4", frames=1))
    Image.fromarray(golden.picture(3)).save(clip / "conditioning.jpg")
    (clip / "sample.json").write_text(
        '{"caption": "A horse.", "conditioned_word": "horse", "mode": "subject"}'
    )
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / "sample.json").write_text('{"caption": 3}')
    found = known(tmp_path, spec, "horse", "cat")
    assert (found["horse"].reason, found["cat"].reason) == ("undecodable", "rejected")


@pytest.mark.real_clips
def test_real_clips_of_the_miniature_are_embedded(spec: EvaluateSpec) -> None:
    clips = sorted(path.name for path in MINIATURE.iterdir())
    found = {id: by_kind(each.value) for id, each in known(MINIATURE, spec, *clips).items()}
    assert {id: [key for key, part in parts.items() if part.vectors is not None]
            for id, parts in found.items()} == {
        "car": [("text", None), ("video", None), ("subject", "white sports car")],
        "cat": [("text", None), ("video", None), ("subject", "brown cat")],
        "dinosaur_toy": [("text", None), ("video", None), ("subject", "green dinosaur toy")],
        "face_0": [("text", None), ("video", None), ("face", None)],
        "face_1": [("text", None), ("video", None), ("face", None)],
        "horse": [("text", None), ("video", None), ("subject", "horse")],
    }  # fmt: skip
    assert {parts["video", None].vectors.shape for parts in found.values()} == {(3, 48)}
