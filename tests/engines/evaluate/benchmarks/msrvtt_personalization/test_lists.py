"""The lists that a generator is given: line by line as published."""

import ast
import os
from pathlib import Path

import pytest
from support.annotated import CAPTION, TAGS

from data.errors import UserError
from engines.evaluate.benchmarks.msrvtt_personalization import folder
from engines.evaluate.benchmarks.msrvtt_personalization.lists import build_lists

SUBJECT, FACE = "subject_mode", "face_mode"


def clip(name: str, tags: dict, *files: str, caption: str = CAPTION) -> None:
    """A clip's folder with empty pictures."""
    at = Path("data") / name
    at.mkdir(parents=True)
    folder.write_texts(at, caption, TAGS | tags)
    for file in files:
        (at / file).touch()


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def three(tag: str) -> list[str]:
    return [f"{tag}.frame{n}.png" for n in (1, 2, 3)]


def test_every_file_is_as_published() -> None:
    clip("video9", {}, *three("man"), "man.face.frame1.png", "man.face.frame3.png",
         "background.jpg", caption="It's \"fine\".")  # fmt: skip
    clip("video10", {"subject": ["red/car [x]"], "subject_with_face": []},
         "red_car_[x].frame1.png", "red_car_[x].frame3.png", "background.jpg")  # fmt: skip
    clip("video2", {"subject": ["man", "dog"]}, *three("man"), "man.face.frame2.png")
    made = build_lists("data", ("subject", "face"))
    assert made.clips == {"subject": 2, "face": 2}
    assert made.left_out == {}
    man = (
        "['data/video9/man.frame1.png', 'data/video9/man.frame2.png', 'data/video9/man.frame3.png']"
    )
    car = "['data/video10/red_car_[x].frame1.png', 'data/video10/red_car_[x].frame3.png']"
    assert made.files == {
        "subject_mode_videos.txt": "video10\nvideo9",
        "subject_mode_prompts.txt": f"{CAPTION}\nIt's \"fine\".",
        "subject_mode_word_tag_single_subject_image.txt":
            "{'red/car [x]': ['data/video10/red_car_[x].frame3.png']}\n"
            "{'man': ['data/video9/man.frame2.png']}",
        "subject_mode_word_tag_multi_subject_images.txt":
            f"{{'red/car [x]': {car}}}\n{{'man': {man}}}",
        "subject_mode_word_tag_multi_subject_images_with_background.txt":
            f"{{'red/car [x]': {car}, 'cloudy, forested area': ['data/video10/background.jpg']}}\n"
            f"{{'man': {man}, 'cloudy, forested area': ['data/video9/background.jpg']}}",
        "face_mode_videos.txt": "video2\nvideo9",
        "face_mode_prompts.txt": f"{CAPTION}\nIt's \"fine\".",
        "face_mode_word_tag_single_face_crop.txt":
            "{'man': ['data/video2/man.face.frame2.png']}\n"
            "{'man': ['data/video9/man.face.frame3.png']}",
        "face_mode_word_tag_multi_face_crops.txt":
            "{'man': ['data/video2/man.face.frame2.png']}\n"
            "{'man': ['data/video9/man.face.frame1.png', 'data/video9/man.face.frame3.png']}",
    }  # fmt: skip
    for line in made.files["subject_mode_word_tag_multi_subject_images.txt"].split("\n"):
        assert isinstance(ast.literal_eval(line), dict)


def test_one_cut_out_is_the_one_in_the_middle() -> None:
    clip("a", {"subject_with_face": []}, "man.frame2.png")
    made = build_lists("data/", ("subject",))
    name = "subject_mode_word_tag_single_subject_image.txt"
    assert made.files[name] == "{'man': ['data/a/man.frame2.png']}"


def test_without_a_background_its_list_is_left_out_and_said() -> None:
    clip("a", {"subject_with_face": []}, *three("man"))
    made = build_lists("data", ("subject", "face"))
    assert len(made.files) == 8
    (left,) = made.left_out.items()
    assert left[0].endswith("with_background.txt")
    assert "--inpaint" in left[1]


@pytest.mark.parametrize(
    ("caption", "files", "why"),
    [("two\nlines", three("man"), "one line"), (CAPTION, [], "no cut-out of 'man'")],
)
def test_a_clip_that_would_shift_or_break_a_line_is_left_out(
    caption: str, files: list[str], why: str
) -> None:
    clip("a", {"subject_with_face": []}, *files, caption=caption)
    clip("b", {"subject_with_face": []}, *three("man"), "background.jpg")
    made = build_lists("data", ("subject",))
    assert made.files["subject_mode_videos.txt"] == "b"
    assert {text.count("\n") for text in made.files.values()} == {0}
    assert why in made.left_out["a"]


def test_no_folder_is_said_so() -> None:
    with pytest.raises(UserError, match="nowhere"):
        build_lists("nowhere", ("subject",))


def test_texts_are_read_as_they_were_written() -> None:
    tags = TAGS | {"object": ["a , b", "naïve “cup”"]}
    clip("a", tags, caption="Ein “Glas”.")
    at = Path("data/a")
    assert folder.read_tags(at) == tags
    assert folder.read_caption(at) == "Ein “Glas”."
    assert os.path.getsize(at / "summary_text.txt") == len("Ein “Glas”.".encode())
