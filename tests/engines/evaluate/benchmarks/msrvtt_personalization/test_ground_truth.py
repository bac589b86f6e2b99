"""What is known of a clip, from each place that it can lie in."""

import gzip
import io
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from support.known import DIM, OneModel, are_same, make_parts

from data.runs.benchmark import PARTS_SCHEMA, Part, clip_file, read_clip_parts, write_clip_parts
from data.runs.evaluations import GroundTruthRef
from data.store import tables
from data.store.storage import Store
from engines.evaluate.benchmarks.msrvtt_personalization.ground_truth import open_ground_truth
from engines.evaluate.benchmarks.msrvtt_personalization.official_files import (
    SUBJECTS,
    TAGS,
    TEXT,
    VIDEO,
    read_parts,
    write_parts,
)
from engines.evaluate.protocol import GroundTruth, MissingReference

KINDS = ("text", "video", "subject", "face")


def laid(folder: Path, kind: str, half: bool = False) -> GroundTruthRef:
    """The usual clip `video7`, in a folder of this kind."""
    made = make_parts(half=half)
    if kind == "parquet":
        write_clip_parts(Store(str(folder)), clip_file("video7"), "video7", made)
        return GroundTruthRef("parquet", str(folder), "video7")
    write_parts(folder / "video7", made, half)
    if kind == "official":
        return GroundTruthRef("official", str(folder), "video7")
    for file in list((folder / "video7").iterdir()):
        file.rename(folder / f"video7.{file.name}")
    return GroundTruthRef("sidecars", str(folder / "video7"), "video7")


def known(ref: GroundTruthRef) -> GroundTruth:
    return open_ground_truth(ref, None, OneModel())


@pytest.mark.parametrize("kind", ["parquet", "official", "sidecars"])
@pytest.mark.parametrize("half", [True, False])
def test_every_place_gives_the_same_vectors(kind: str, half: bool, tmp_path: Path) -> None:
    truth = known(laid(tmp_path, kind, half))
    text, video, man, cap, face = (part.vectors for part in make_parts(half=half))
    assert np.array_equal(truth.text_vector(), text[0])
    assert np.array_equal(truth.video_vectors(), video)
    assert np.array_equal(truth.face_vectors(), face)
    assert list(truth.subject_vectors()) == ["man", "blue cap"]
    assert np.array_equal(truth.subject_vectors()["man"], man)
    assert np.array_equal(truth.subject_vectors()["blue cap"], cap)
    assert truth.subject_tags() == ("man",)
    assert {truth.text_vector().dtype, truth.video_vectors().dtype, truth.face_vectors().dtype} == {
        np.dtype("float32")
    }


def test_parquet_to_the_published_files_and_back_is_equal(tmp_path: Path) -> None:
    store, first, second = Store(str(tmp_path)), clip_file("one"), clip_file("two")
    write_clip_parts(store, first, "one", make_parts(half=True))
    write_parts(tmp_path / "official", read_clip_parts(store, first), half=True)
    read = [part for kind in KINDS for part in read_parts(f"{tmp_path}/official/", kind)]
    write_clip_parts(store, second, "one", read)
    assert are_same(read_clip_parts(store, second), make_parts(half=True))


def test_the_published_files_have_the_published_shapes(tmp_path: Path) -> None:
    write_parts(tmp_path, make_parts(half=True), half=True)
    text = torch.load(tmp_path / TEXT, weights_only=True)
    video = torch.load(tmp_path / VIDEO, weights_only=True)
    face = torch.load(tmp_path / "face_embeddings.pt", weights_only=True)
    tags = pickle.loads(gzip.decompress((tmp_path / SUBJECTS).read_bytes()))
    assert (text.shape, text.dtype) == ((DIM,), torch.float16)
    assert (video.shape, video.dtype) == ((3, DIM), torch.float16)
    assert (face.shape, face.dtype) == ((2, DIM), torch.float32)
    assert list(tags) == ["man", "blue cap"]
    assert {tensor.dtype for tensor in tags.values()} == {torch.float32}


def test_a_file_is_opened_when_it_is_asked_for(tmp_path: Path) -> None:
    truth = known(laid(tmp_path, "official"))
    for name in (VIDEO, SUBJECTS, "face_embeddings.pt"):
        (tmp_path / "video7" / name).unlink()
    assert truth.text_vector().shape == (DIM,)
    with pytest.raises(MissingReference, match=r"no video_embeddings\.pt"):
        truth.video_vectors()
    with pytest.raises(MissingReference, match=r"no subject_embeddings\.pkl\.gz"):
        truth.subject_vectors()


def test_published_files_alone_do_not_tell_subjects_from_objects(tmp_path: Path) -> None:
    ref = laid(tmp_path, "official")
    (tmp_path / "video7" / TAGS).unlink()
    assert list(known(ref).subject_vectors()) == ["man", "blue cap"]
    with pytest.raises(MissingReference, match=r"word_tags\.json"):
        known(ref).subject_tags()


@pytest.mark.parametrize(
    ("vectors", "said"),
    [(torch.full((DIM,), float("nan")), "not finite"), (torch.ones(DIM + 1), "9 dimensions"),
     (torch.ones(0, DIM), "empty"), (torch.ones(2, 2, 2), "rows"),
     (torch.ones(DIM, dtype=torch.int64), "int64")],
)  # fmt: skip
def test_vectors_that_cannot_be_right_are_missing(
    vectors: torch.Tensor, said: str, tmp_path: Path
) -> None:
    ref = laid(tmp_path, "official")
    torch.save(vectors, tmp_path / "video7" / TEXT)
    with pytest.raises(MissingReference, match=said):
        known(ref).text_vector()


@pytest.mark.parametrize("content", [b"", b"not a tensor", b"PK\x03\x04"])
def test_files_that_cannot_be_read_are_missing(content: bytes, tmp_path: Path) -> None:
    ref = laid(tmp_path, "sidecars")
    for name in (TEXT, SUBJECTS):
        (tmp_path / f"video7.{name}").write_bytes(content)
    with pytest.raises(MissingReference, match=TEXT):
        known(ref).text_vector()
    with pytest.raises(MissingReference, match=SUBJECTS):
        known(ref).subject_vectors()


def test_a_payload_is_missing_and_never_runs(tmp_path: Path) -> None:
    import os

    class Payload:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "ran"),)

    ref, content = laid(tmp_path, "official"), io.BytesIO()
    torch.save({"man": Payload()}, content)
    (tmp_path / "video7" / TEXT).write_bytes(content.getvalue())
    (tmp_path / "video7" / SUBJECTS).write_bytes(gzip.compress(pickle.dumps({"man": Payload()})))
    with pytest.raises(MissingReference, match="mkdir"):
        known(ref).subject_vectors()
    with pytest.raises(MissingReference, match="safely"):
        known(ref).text_vector()
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("clip", ["..", "../video7", "a/b", "", "a\\b"])
@pytest.mark.parametrize("kind", ["official", "parquet"])
def test_a_name_that_leads_elsewhere_is_refused(kind: str, clip: str, tmp_path: Path) -> None:
    laid(tmp_path, kind)
    with pytest.raises(MissingReference, match="clip name"):
        known(GroundTruthRef(kind, str(tmp_path / "video7"), clip)).text_vector()


def test_what_was_left_out_says_why(tmp_path: Path) -> None:
    made = [Part("text", reason="no weights of clip"), Part("subject", "man", reason="no cut-out"),
            Part("object", "cap", np.ones((1, DIM), np.float32))]  # fmt: skip
    write_clip_parts(Store(str(tmp_path)), clip_file("a"), "a", made)
    truth = known(GroundTruthRef("parquet", str(tmp_path), "a"))
    with pytest.raises(MissingReference, match="no weights of clip"):
        truth.text_vector()
    with pytest.raises(MissingReference, match="no video embeddings"):
        truth.video_vectors()
    assert list(truth.subject_vectors()) == ["cap"]
    assert truth.subject_tags() == ()


def test_a_broken_or_absent_parquet_file_is_missing(tmp_path: Path) -> None:
    (tmp_path / clip_file("a")).write_bytes(b"not parquet")
    for clip in ("a", "b"):
        with pytest.raises(MissingReference, match=f"embeddings of {clip}"):
            known(GroundTruthRef("parquet", str(tmp_path), clip)).text_vector()


def test_rows_without_vectors_or_reasons_are_missing(tmp_path: Path) -> None:
    rows = [
        {"clip": "a", "kind": "text", "n": 0},
        {"clip": "a", "kind": "video", "n": 0, "vector": [1.0] * DIM},
        {"clip": "a", "kind": "video", "n": 1, "vector": [1.0]},
    ]
    tables.write_rows(Store(str(tmp_path)), clip_file("a"), PARTS_SCHEMA, rows)
    truth = known(GroundTruthRef("parquet", str(tmp_path), "a"))
    for ask in (truth.text_vector, truth.video_vectors):
        with pytest.raises(MissingReference, match="embeddings of"):
            ask()


def test_a_prompt_alone_gives_its_text_and_nothing_else() -> None:
    truth = open_ground_truth(GroundTruthRef(), "four", OneModel())
    assert truth.text_vector().tolist() == [4.0] * DIM
    for ask in (truth.video_vectors, truth.subject_vectors, truth.face_vectors, truth.subject_tags):
        with pytest.raises(MissingReference):
            ask()
    with pytest.raises(MissingReference, match="no prompt"):
        open_ground_truth(GroundTruthRef(), None, OneModel()).text_vector()
