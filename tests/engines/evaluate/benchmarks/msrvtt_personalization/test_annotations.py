"""Annotations of others: what they say, and what is refused of them."""

import gzip
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from support.annotated import CAPTION, MASKS, TAGS, annotate, entry

from engines.evaluate.benchmarks.msrvtt_personalization.annotations import (
    list_clips,
    read_annotation,
    read_cutouts,
)
from engines.video.frames import DecodeError


def test_a_clip_is_read_as_it_was_annotated(tmp_path: Path) -> None:
    annotate(tmp_path, "b")
    annotate(tmp_path, "a", timestamp=["01:02:03.5", "01:02:04.000001"])
    (tmp_path / "._a.vid_info.json").write_text("what a Mac leaves behind")
    assert list_clips(tmp_path) == ["a", "b"]
    said = read_annotation(tmp_path, "a")
    assert (said.video, said.size, said.caption) == ("a.mp4", (72, 64), CAPTION)
    assert (said.start, said.end) == (3723.5, 3724.000001)
    assert said.tags == TAGS


def test_masks_are_cut_where_the_frame_ends(tmp_path: Path) -> None:
    annotate(tmp_path, "a")
    found = read_cutouts(tmp_path, read_annotation(tmp_path, "a"))
    names = [each.file for each in found]
    assert names == ["man.frame2.png", "man.frame1.png", "man.frame3.png", "man.face.frame2.png",
                     "man.face.frame1.png", "blue_cap.frame2.png"]  # fmt: skip
    cap = found[-1]
    assert cap.box == (60, 40, 72, 64)
    assert np.array_equal(cap.mask, MASKS["blue cap"][0]["mask"][:24, :12])
    assert np.array_equal(found[0].mask, MASKS["man"][0]["mask"])


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"video": "../b.mp4"}, "videos folder"),
        ({"video": "/etc/passwd"}, "videos folder"),
        ({"video": ".."}, "videos folder"),
        ({"resolution": [0, 64]}, "0x64"),
        ({"resolution": [1 << 20, 64]}, "1048576x64"),
        ({"resolution": ["wide", 64]}, "vid_info"),
        ({"timestamp": ["00:00:01.0", "00:00:01.0"]}, "time span"),
        ({"timestamp": ["1", "2"]}, "HH:MM:SS"),
        ({"caption": None}, "vid_info"),
        ({"word_tags": {"subject": ["man"]}}, "word tags"),
        ({"word_tags": TAGS | {"object": "cap"}}, "word tags"),
    ],
)
def test_what_cannot_be_followed_is_refused_with_a_reason(
    said: dict, why: str, tmp_path: Path
) -> None:
    annotate(tmp_path, "a", **said)
    with pytest.raises(DecodeError, match=why):
        read_annotation(tmp_path, "a")


@pytest.mark.parametrize("clip", ["..", "a.b", "../a", "a/b", ""])
def test_a_name_that_leads_elsewhere_is_refused(clip: str, tmp_path: Path) -> None:
    with pytest.raises(DecodeError, match="clip name"):
        read_annotation(tmp_path, clip)


@pytest.mark.parametrize(
    ("masks", "why"),
    [
        ({"man": [entry(2, (-3, 0, 20, 20))]}, "box"),
        ({"man": [entry(2, (72, 0, 90, 20))]}, "box"),
        ({"man": [entry(2, (0, 0, 20, 20), extra=-5)]}, "mask"),
        ({"man": [entry(4, (0, 0, 20, 20))]}, "entry"),
        ({"man": [entry(2, (0, 0, 20, 20)) | {"filename": "../frame2.jpg"}]}, "entry"),
        ({"man": [{"filename": "frame2.jpg"}]}, "box_xyxy"),
        ({"man": 3}, "TypeError"),
        ([], "AttributeError"),
        ({"blue_cap": [entry(2, (0, 0, 20, 20))]}, "'blue cap' and 'blue_cap'"),
        ({"blue/cap": [entry(2, (0, 0, 20, 20))]}, "blue_cap"),
        ({"man.face": [entry(2, (0, 0, 20, 20))]}, "man.face"),
        ({"m" * 300: [entry(2, (0, 0, 20, 20))]}, "file name"),
    ],
)
def test_masks_that_fit_nothing_are_refused_with_a_reason(
    masks: object, why: str, tmp_path: Path
) -> None:
    annotate(tmp_path, "a", masks)
    with pytest.raises(DecodeError, match=why):
        read_cutouts(tmp_path, read_annotation(tmp_path, "a"))


def test_a_payload_among_the_masks_never_runs(tmp_path: Path) -> None:
    class Payload:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "ran"),)

    annotate(tmp_path, "a")
    content = gzip.compress(pickle.dumps({"man": [Payload()]}))
    (tmp_path / "a.word_tags_masks.pkl.gz").write_bytes(content)
    with pytest.raises(DecodeError, match="mkdir"):
        read_cutouts(tmp_path, read_annotation(tmp_path, "a"))
    assert not (tmp_path / "ran").exists()


def test_files_that_are_not_there_are_missing(tmp_path: Path) -> None:
    annotate(tmp_path, "a")
    with pytest.raises(DecodeError, match=r"no b\.vid_info") as fault:
        read_annotation(tmp_path, "b")
    assert fault.value.reason == "missing"
    (tmp_path / "a.word_tags_masks.pkl.gz").unlink()
    with pytest.raises(DecodeError, match=r"no a\.word_tags_masks"):
        read_cutouts(tmp_path, read_annotation(tmp_path, "a"))
