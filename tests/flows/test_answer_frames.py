"""Answers by stored frame vectors: which frames are shown, and what similarity makes of them."""

import json
from pathlib import Path

import numpy as np
import pytest
from support.corpora import FAKE, table

from data.runs.answering import read_run_answers
from data.shards.stages import current_stage
from data.specs.answer import AnswerSpec
from data.store import layout
from data.store.frame_vectors import read_frames
from engines.embed.models import fake
from engines.retrieve.text_rules import normalise
from flows.answer import answer
from flows.embed import embed
from flows.ingest import ingest
from tasks.answer.request import plan_answers

pytestmark = pytest.mark.usefixtures("plain_flows")
OPTIONS = ["red ball", "blue box"]
FILM = "fake://film?frames=40"
QUESTIONS = {"q1": "Which?", "q2": "What rolls down the long hill?"}


@pytest.fixture(scope="module")
def corpus(shared_workspace, plain_flows, tmp_path_factory):
    """A fake video under two ids, with frame vectors, and one that is not embedded yet."""
    for number, rows in enumerate(({"film": FILM, "copy": FILM}, {"late": "fake://late"})):
        listed = [{"videoID": id, "videoLoc": uri, "txt": ""} for id, uri in rows.items()]
        ingest(table(tmp_path_factory.mktemp("source"), listed), "c")
        if number == 0:
            embed("c", FAKE)
    return shared_workspace


@pytest.fixture
def ask(corpus, tmp_path: Path):
    """Asks both questions about a video: their answers by id."""

    def run(video: str, **fields):
        spec = AnswerSpec(**{"texts": "none", "side": 16} | fields)
        file = write_questions(tmp_path, video)
        summary = answer(file, corpus="c", spec=spec)
        return {each.question: each for each in read_run_answers(corpus.store, summary["run"])}

    return run


def write_questions(folder: Path, video: str) -> str:
    rows = [{"id": id, "video": video, "question": text, "options": OPTIONS}
            for id, text in QUESTIONS.items()]  # fmt: skip
    file = folder / "questions.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(file)


def compare(corpus, texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Seconds of the film's frames, and the cosines (texts, frames) of some texts with them."""
    stage = current_stage(corpus.store, "c", "embed")
    name = layout.shard_file(stage.folder, "000000")
    seconds, vectors = read_frames(corpus.store, name, "film")
    queries = fake.Embedder(FAKE).embed_text(texts)
    return seconds, normalise(queries) @ normalise(vectors.astype(np.float32)).T


@pytest.mark.parametrize("video", ["film", "copy"])
def test_keyframes_are_those_most_like_the_question_by_the_stored_vectors(
    ask, corpus, video: str
) -> None:
    found = ask(video, model="fake", frames=2, sampling="keyframe")
    for id, text in QUESTIONS.items():
        seconds, cosines = compare(corpus, [text, *OPTIONS])
        best = seconds[cosines.mean(0).argmax()]
        shown = np.array(found[id].frames)
        assert len(shown) == 2 and np.abs(shown - best).min() <= 1.6 / 8  # of eight decoded
    assert found["q1"].frames != found["q2"].frames


@pytest.mark.parametrize("video", ["film", "copy"])
def test_similarity_goes_by_frames_where_there_are_no_texts(ask, corpus, video: str) -> None:
    cosines = compare(corpus, OPTIONS)[1]
    right = int((cosines - cosines.mean(0)).max(1).argmax())
    for each in ask(video, model="similarity").values():
        assert (each.answer, int(np.argmax(each.scores))) == ("AB"[right], right)
        assert each.frames == () and not each.reason


def test_a_video_without_vectors_says_so_and_is_answered_anew_once_it_has_some(
    ask, corpus, tmp_path: Path
) -> None:
    found = ask("late", model="fake", frames=2, sampling="keyframe")
    assert all(len(each.frames) == 2 and "frame vectors" in each.detail for each in found.values())
    assert all(each.answer is None for each in ask("late").values())  # nothing to go by
    planned = plan_answers(
        corpus, write_questions(tmp_path, "late"), "table", "c", None, AnswerSpec(texts="none")
    )
    embed("c", FAKE)
    assert all(each.answer and not each.detail for each in ask("late").values())
    again = plan_answers(
        corpus, write_questions(tmp_path, "late"), "table", "c", None, AnswerSpec(texts="none")
    )
    assert again.run.fingerprint != planned.run.fingerprint
