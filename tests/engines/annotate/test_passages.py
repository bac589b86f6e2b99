import json

import pytest

from engines.annotate.passages import Sentence, join_sentences


def said(*spans: tuple[float, float], language: str = "en") -> list[Sentence]:
    return [Sentence(a, b, f"s{a:g}", -0.5, 0.0, 1.0, language) for a, b in spans]


def test_a_passage_grows_to_its_least_length_and_never_over_its_greatest() -> None:
    spans = [(n * 6.0, n * 6.0 + 6.0) for n in range(10)]
    texts = join_sentences(said(*spans), 20, 40)
    assert [(t.start, t.end) for t in texts] == [(0, 24), (24, 48), (48, 60)]
    long = join_sentences(said((0, 15), (15, 45), (45, 50)), 20, 40)
    assert [(t.start, t.end) for t in long] == [(0, 15), (15, 45), (45, 50)]


def test_languages_do_not_mix_and_the_sentences_stay_in_the_record() -> None:
    texts = join_sentences([*said((0, 5)), *said((5, 9), language="de")], 20, 40)
    assert [t.language for t in texts] == ["en", "de"]
    assert json.loads(texts[0].record)["sentences"][0]["end"] == 5
    assert texts[0].score == pytest.approx(0.607, abs=1e-3)


def test_a_sentence_ends_with_the_sound_and_begins_with_the_first_frame() -> None:
    cut = Sentence(29.0, 31.0, "x", 0, 0, 1).end_by(30.0).shift(-0.5)
    assert (cut.start, cut.end) == (28.5, 29.5)
    assert Sentence(0.1, 0.4, "x", 0, 0, 1).shift(-0.5).start == 0.0


def test_nothing_said_is_no_passage() -> None:
    assert join_sentences([], 20, 40) == []
