"""Text in pictures by rapidocr, whose package has its weights."""

from pathlib import Path

import pytest
from support.talking import annotated, film, loaded

from data.specs.annotate import ScreenSpec
from engines.annotate.annotators import screen


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("films")
    words = film(folder / "words.mp4", 16, None, ["HARBOUR", "HARBOUR", "", "MARKET"])
    engine = loaded(ScreenSpec())
    read, calls = engine.annotator.read, []
    engine.annotator.read = lambda pixels: calls.append(1) or read(pixels)
    yield annotated(engine, words, film(folder / "plain.mp4", 2, None)), calls
    engine.close()


def test_texts_have_the_times_at_which_they_are_seen(outcomes) -> None:
    found = {text.text: (text.start, text.end) for text in outcomes[0]["words"].value.texts}
    assert found == {"HARBOUR": (0, 6), "MARKET": (12, 14)}


def test_frames_that_show_the_same_are_read_once(outcomes) -> None:
    assert len(outcomes[1]) == 3 + 1  # of 8 and 1 that were looked at


def test_no_text_is_a_result(outcomes) -> None:
    value = outcomes[0]["plain"].value
    assert (value.texts, value.result) == ((), screen.NO_TEXT)


def test_the_digest_names_the_models(tmp_path: Path) -> None:
    assert len(screen.digest(ScreenSpec())) == 64
