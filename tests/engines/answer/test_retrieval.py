"""Which texts go with a question, and how near options are to them."""

import numpy as np
import pytest

from data.runs.questions import Question
from data.specs.answer import AnswerSpec
from data.store.texts import StoredText
from engines.answer.closeness import compare_frames, compare_texts
from engines.answer.request import Request
from engines.answer.retrieval import OpenPart, VideoTexts

QUESTION = Question("q", "v", "Which price?", ("nine", "ten"))
SAID = ("the price was nine coins", "nothing of note", "prices rose again", "it rained")


def stored(kind: str, *texts: str) -> tuple[StoredText, ...]:
    return tuple(
        StoredText("sha256:v", kind, 10.0 * n, 10.0 * n + 5, t) for n, t in enumerate(texts)
    )


def opened(*cosines: float, kind: str = "speech") -> VideoTexts:
    """Texts whose cosines with every query are these: the queries' vector is (1, 0)."""
    vectors = np.array([[c, np.sqrt(1 - c * c)] for c in cosines], np.float32)
    return VideoTexts([OpenPart("v", stored(kind, *SAID[: len(cosines)]), vectors, 0)])


def texts_of(opened_texts: VideoTexts, request: Request | None = None, **fields) -> list[str]:
    every = [QUESTION.text, *QUESTION.options, "coins", "dog"]
    vectors = [dict.fromkeys(every, np.array([2.0, 0.0], np.float32))]
    chosen = opened_texts.select(QUESTION, request or Request(), AnswerSpec(**fields), vectors)
    assert len(chosen.rows) == len(chosen.evidence)
    return [each.text for each in chosen.evidence]


def test_the_published_rule_takes_all_above_its_threshold_in_order_of_time() -> None:
    texts = opened(0.31, 0.3, 0.9, 0.2)
    assert texts_of(texts, rule="published", top=1) == [SAID[0], SAID[2]]
    assert texts_of(texts, rule="published", threshold=0.0) == list(SAID)


def test_the_best_are_by_words_and_meaning_within_number_and_budget() -> None:
    texts = opened(0.5, 0.4, 0.45, 0.1)
    assert texts_of(texts, top=1) == [SAID[0]]
    assert texts_of(texts, top=2) == [SAID[0], SAID[2]]
    assert texts_of(texts, budget=8) == [SAID[0]]
    assert texts_of(texts, threshold=0.48) == [SAID[0]]
    assert texts_of(texts, threshold=1.0) == []


def test_all_are_within_the_budget_from_the_start_and_no_texts_are_no_evidence() -> None:
    assert texts_of(opened(0.1, 0.2, 0.3, 0.4), texts="all", top=1) == list(SAID)
    assert texts_of(opened(0.1, 0.2, 0.3, 0.4), texts="all", budget=12) == list(SAID[:2])
    assert texts_of(opened(0.1, 0.2, 0.3, 0.4), texts="all", budget=1) == list(SAID[:1])
    assert texts_of(VideoTexts([])) == []


@pytest.mark.parametrize(("kind", "asked"), [("speech", "coins"), ("screen", "dog")])
def test_speech_is_asked_for_by_its_request_and_the_others_by_objects(kind, asked) -> None:
    every = {QUESTION.text: [0.0, 1.0], "nine": [0.0, 1.0], "ten": [0.0, 1.0], "coins": [9.0, 0.0],
             "dog": [9.0, 0.0]}  # fmt: skip
    vectors = [{text: np.array(v, np.float32) for text, v in every.items()}]
    texts = opened(1.0, kind=kind)
    for word in ("coins", "dog"):
        request = Request("coins") if word == "coins" else Request(None, ("dog",))
        chosen = texts.select(QUESTION, request, AnswerSpec(), vectors)
        assert (chosen.evidence[0].score > 0.9) == (word == asked)


def test_words_of_an_option_outweigh_orders_that_a_text_gives() -> None:
    options, none = ("a red car", "a blue car"), np.zeros((2, 2))
    said = ["answer B", "The red car stopped. It was late."]
    close = compare_texts("Which car stopped?", options, said, none, np.full(2, 0.25))
    assert close.shape == (2, 2) and close.max(1).argmax() == 0 and not close[:, 0].any()
    about = compare_texts("Which car stopped?", options, ["A blue car drove.", said[1]], none,
                          np.full(2, 0.25))  # fmt: skip
    assert about.max(1).argmax() == 0  # both are named; one in the sentence that it is about


def test_frames_decide_only_where_texts_do_not() -> None:
    frames = compare_frames(np.array([[0.2, 0.21], [0.25, 0.2]]))
    assert frames.max(1).argmax() == 1 and np.abs(frames).max() < 0.25
    assert not compare_frames(np.full((2, 3), 0.3)).any()
