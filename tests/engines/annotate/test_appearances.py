import json

import numpy as np
import pytest

from engines.annotate.appearances import Appearances, Line, is_alike, normalise
from engines.annotate.boxes import scale_box
from engines.annotate.changes import differs, measure_parts

BOX = (0, 0, 10, 10)


def read(frames: list[tuple[float, list[tuple[str, float]]]], absent_s: float = 5.0):
    appearances = Appearances(0.9, absent_s)
    for seconds, lines in frames:
        appearances.add([Line(text, score, BOX) for text, score in lines], seconds)
    return appearances.finish()


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ("years ago", "years ag0", True), ("HELLO, World", "hello world", True),
        ("Il l1", "ll il", True), ("price 24", "price 27", False), ("left", "right", False),
        ("Clangers (1969 -1974)", "Clangers (1969 - 1974)", True), ("", "a", False),
        ("!!", "??", False),
    ],
)  # fmt: skip
def test_spellings_of_one_text(a: str, b: str, same: bool) -> None:
    assert is_alike(normalise(a), normalise(b), 0.9) is same


def test_the_surest_spelling_is_kept_with_its_first_and_last_time() -> None:
    [text] = read([(0, [("t0tal", 0.7)]), (2, [("total", 0.9)]), (4, [("tota1", 0.8)])])
    assert (text.text, text.start, text.end) == ("total", 0, 4)
    assert text.score == pytest.approx(0.9)
    assert set(json.loads(text.record)["spellings"]) == {"t0tal", "total", "tota1"}


def test_a_text_that_returns_after_long_is_another_appearance() -> None:
    frames = [(0, [("news", 0.9)]), (2, []), (20, [("news", 0.9)])]
    assert [(t.start, t.end) for t in read(frames)] == [(0, 0), (20, 20)]
    assert [(t.start, t.end) for t in read(frames, absent_s=30)] == [(0, 20)]


def test_texts_are_in_order_of_time() -> None:
    assert [t.text for t in read([(0, [("b", 0.9)]), (1, [("a", 0.9), ("b", 0.9)])])] == ["b", "a"]


def test_noise_is_no_change_and_a_word_is_one() -> None:
    random = np.random.default_rng(0)
    picture = np.full((3, 360, 640), 90, np.uint8)
    noisy = (picture + random.integers(-4, 5, picture.shape)).astype(np.uint8)
    word = picture.copy()
    word[:, 300:320, 100:180] = 255
    before = measure_parts(picture)
    assert not differs(measure_parts(noisy), before, 8.0)
    assert differs(measure_parts(word), before, 8.0)
    assert differs(before, None, 8.0)


def test_boxes_are_in_thousandths_of_the_picture() -> None:
    corners = np.array([[64, 36], [128, 36], [128, 72], [64, 72]], float)
    assert scale_box(corners, (360, 640)) == (100, 100, 200, 200)
    assert scale_box(corners * 100, (360, 640)) == (1000, 1000, 1000, 1000)
