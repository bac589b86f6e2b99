"""The answer stage on a corpus of fake videos with texts: rows, reasons, resume, controls."""

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from data.errors import UserError
from data.outcome import Done, Failed
from data.records import Video
from data.runs.answering import read_answered, read_run, read_run_answers
from data.runs.questions import VideoQuestions
from data.shards.stages import current_stage
from data.specs.answer import AnswerSpec
from data.specs.encode import EncodeSpec
from data.store import layout
from data.store.texts import Annotation, Text
from engines.annotate.annotators import fake
from engines.answer.items import TextPart
from engines.answer.models import fake as model
from engines.answer.protocol import Reply
from engines.retrieve.encoders import sentences
from flows.annotate import annotate
from flows.answer import answer
from flows.ingest import ingest
from flows.withdraw import withdraw
from tasks.answer.ask import ask_corpus
from tasks.answer.scoring import judge_run, summarize_scores
from tasks.answer.texts import TextStore
from tasks.report.ask import write_ask_page

SAID = ("The ship left the harbour at noon.", "First the apples are peeled for the pie.",
        "The telescope is in space.", "")  # fmt: skip
OPTIONS = {
    "v1": ["a ship", "a train", "a plane"], "v2": ["apples", "plums", "cherries"],
    "v3": ["a clock", "a telescope", "a radio"],
}  # fmt: skip

pytestmark = pytest.mark.usefixtures("plain_flows")


@pytest.fixture(scope="module")
def corpus(shared_workspace, plain_flows, tmp_path_factory):
    """Four fake videos; three say something."""
    texts = iter(SAID)

    def finish(self) -> Annotation:
        said = next(texts)
        found = (Text(0.0, 0.4, said, 0.9),) if said else ()
        return Annotation(found, "text" if said else "no speech")

    videos = [{"videoID": f"v{n}", "videoLoc": f"fake://v{n}", "txt": ""} for n in (1, 2, 3, 4)]
    source = tmp_path_factory.mktemp("source") / "videos.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in videos))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fake._Reader, "finish", finish)
        patch.setenv("REELFLOW_DECODERS", "1")
        ingest(str(source), "c")
        annotate("c", ["fake"])
    return shared_workspace


@pytest.fixture
def ask(corpus, tmp_path: Path):
    """Answers questions; the summary and the answers by question."""

    def run(rows: list[dict], **fields):
        file = tmp_path / "questions.jsonl"
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
        out = fields.pop("out", None)
        spec = AnswerSpec(**{"kinds": ("fake",)} | fields)
        summary = answer(str(file), corpus="c", spec=spec, out=out)
        return summary, {a.question: a for a in read_run_answers(corpus.store, summary["run"])}

    return run


def questions(**more) -> list[dict]:
    asked = [
        {"id": f"q{n}", "video": f"v{n}", "question": "What is spoken of?",
         "options": OPTIONS[f"v{n}"], "answer": "AAB"[n - 1]}
        for n in (1, 2, 3)
    ]  # fmt: skip
    return [row | more for row in asked]


def test_the_option_nearest_to_the_texts_is_the_answer_with_its_evidence(ask, corpus) -> None:
    summary, answers = ask(questions())
    assert [answers[f"q{n}"].answer for n in (1, 2, 3)] == ["A", "A", "B"]
    assert (summary["correct"], summary["counted"], summary["accuracy"]) == (3, 3, 1.0)
    first = answers["q1"]
    assert np.argmax(first.scores) == 0 and np.ptp(first.scores) > 0  # by its words, not by chance
    assert [(e.kind, e.text, e.video) for e in first.evidence] == [("fake", SAID[0], "v1")]
    assert first.evidence[0].score and len(first.scores) == 3 and len(first.prompt) == 64
    assert read_run(corpus.store, summary["run"])["questions"] == 3


def test_texts_of_another_video_do_not_help_and_none_says_nothing(ask) -> None:
    shuffled = ask(questions(), texts="shuffled")[1]
    assert all({e.video for e in shuffled[f"q{n}"].evidence} - {f"v{n}"} for n in (1, 2, 3))
    assert not any(e.video == a.video for a in shuffled.values() for e in a.evidence)
    summary, none = ask(questions(), texts="none")
    assert (summary["unread"], summary["accuracy"]) == (3, 0.0)
    assert none["q1"].evidence == () and none["q1"].reason is None


def test_every_question_has_a_row_and_failed_ones_are_in_the_denominator(ask) -> None:
    rows = [
        *questions(),
        {"id": "gone", "video": "nowhere", "question": "?", "options": ["a", "b"], "answer": "A"},
        {"id": "many", "video": "v1", "question": "?", "options": [str(n) for n in range(5000)]},
        {"id": "mute", "video": "v4", "question": "?", "options": ["a", "b"], "answer": "A"},
        {"id": "blank", "video": "v1", "question": " "},
        {"id": "nameless", "question": "what?"},
        {"id": "q1", "video": "v2", "question": "Twice?", "options": ["a", "b"], "answer": "A"},
    ]
    summary, answers = ask(rows)
    assert {id: a.reason for id, a in answers.items() if a.reason} == {
        "gone": "missing", "many": "rejected", "blank": "rejected", "nameless": "rejected",
    }  # fmt: skip
    assert "5,000" in answers["many"].detail and "nowhere" in answers["gone"].detail
    assert list(answers) == [*(row["id"] for row in rows[:-1]), "q1#2"]
    assert (answers["mute"].answer, answers["mute"].evidence) == (None, ())
    assert summary["counted"] == 9 and summary["failed"] == {"rejected": 3, "missing": 1}


def test_a_run_s_accuracy_is_the_one_that_it_is_scored_by(ask, corpus) -> None:
    twice = {"options": ["a plane", "a ship", "a ship"], "answer": "C"}  # B is as right
    rows = [questions()[0] | twice, *questions()[1:], questions()[0] | {"id": "x", "answer": "no"}]
    summary, answers = ask(rows)
    scored = summarize_scores(judge_run(corpus.store, summary["run"]), "strict")["micro"]
    assert answers["q1"].answer == "B"
    assert (
        (summary["correct"], summary["counted"]) == (3, 4) == (scored["right"], scored["counted"])
    )


def test_copies_of_a_video_have_its_texts_under_their_own_ids() -> None:
    part = TextPart("first", EncodeSpec(), ())
    items = [VideoQuestions(id, Video(id, "fake://v", "same"), ()) for id in ("first", "second")]
    texts = TextStore(AnswerSpec(), {"same": [part]})
    assert [texts.find_parts(item)[0].video for item in items] == ["first", "second"]


def test_questions_share_the_texts_vectors_and_no_text_is_encoded_again(ask, monkeypatch) -> None:
    asked: list[str] = []
    encode = sentences.Encoder.encode
    monkeypatch.setattr(
        sentences.Encoder, "encode", lambda self, texts: asked.extend(texts) or encode(self, texts)
    )
    rows = [*questions(), questions()[0] | {"id": "again", "question": "Which vehicle?"}]
    ask(rows, top=3)
    assert len(asked) == len(set(asked)) and not set(SAID) & set(asked)


def test_another_encoder_is_another_run_or_an_error_where_texts_have_vectors(
    ask, monkeypatch
) -> None:
    kept = ask(questions())[0]["run"]
    with monkeypatch.context() as patch:
        patch.setattr(sentences, "digest", lambda spec: "of other weights")
        with pytest.raises(UserError, match="has changed"):
            ask(questions())
    monkeypatch.setattr("tasks.answer.texts.find_encoded", lambda *_: None)
    encoded = ask(questions())[0]["run"]
    monkeypatch.setattr(sentences, "digest", lambda spec: "of other weights")
    assert len({kept, encoded, ask(questions())[0]["run"]}) == 3


def test_two_calls_are_made_and_what_was_asked_for_is_kept(ask, monkeypatch) -> None:
    sent: list[list] = []
    generate = model.Model.generate

    def record(self, prompts):
        sent.append([(bool(p.schema), len(p.times)) for p in prompts])
        return generate(self, prompts)

    monkeypatch.setattr(model.Model, "generate", record)
    summary, answers = ask(questions(), model="fake", frames=2)
    assert sent[0] == [(True, 0)] * 3  # all requests of the batch at once
    assert [call for calls in sent[1:] for call in calls] == [(False, 2)] * 3
    first = answers["q1"]
    assert first.parse == "ok" and json.loads(first.request)["speech"] is None
    assert len(first.frames) == 2 and first.prompt_tokens > 50 and summary["requests"] == {"ok": 3}
    sent.clear()
    ask(questions(), model="fake", frames=2, rounds=2)
    assert [len(calls) for calls in sent[:2]] == [3, 3]
    sent.clear()
    ask(questions(), model="fake", frames=2)
    assert not sent  # answered before


@pytest.mark.parametrize("sampling", ["uniform", "moment"])
def test_frames_are_decoded_once_a_video(ask, sampling: str, monkeypatch) -> None:
    from engines.video.guard.guard import Guard

    decoded: list[str] = []
    decode = Guard.decode

    def record(self, videos, *rest, **how):
        decoded.extend(video.id for video in videos)
        return decode(self, videos, *rest, **how)

    monkeypatch.setattr(Guard, "decode", record)
    rows = [*questions(), questions()[0] | {"id": "again"}]
    answers = ask(rows, model="fake", frames=3, sampling=sampling, side=64)[1]
    assert sorted(decoded) == ["v1", "v2", "v3"]
    assert len(answers["q1"].frames) == 3 and list(answers["q1"].frames) == sorted(
        answers["q1"].frames
    )
    if sampling == "moment":
        assert max(answers["q1"].frames) <= 0.5


def test_a_machine_s_fault_is_asked_again_and_only_that(ask, monkeypatch) -> None:
    generate = model.Model.generate

    def break_second(self, prompts):
        for outcome in generate(self, prompts):
            lost = "plums" in next(p for p in prompts if p.id == outcome.id).blocks[-1]
            yield Failed(outcome.id, "unreachable", "no server") if lost else outcome

    monkeypatch.setattr(model.Model, "generate", break_second)
    summary, answers = ask(questions(), model="fake", frames=0, top=2)
    assert (answers["q2"].reason, summary["failed"]) == ("unreachable", {"unreachable": 1})
    again: list[str] = []

    def record(self, prompts):
        again.extend(p.blocks[-1] for p in prompts)
        return generate(self, prompts)

    monkeypatch.setattr(model.Model, "generate", record)
    summary, answers = ask(questions(), model="fake", frames=0, top=2)
    assert answers["q2"].answer and not summary["failed"]
    assert all("plums" in text for text in again if "best answer" in text)


def test_answers_of_a_run_that_was_cut_short_are_not_paid_for_twice(
    ask, corpus, monkeypatch
) -> None:
    generate, calls = model.Model.generate, []

    def die_at_third(self, prompts):
        calls.extend(prompts)
        if any("telescope" in block for p in prompts for block in p.blocks[-1:]):
            raise KeyboardInterrupt  # as a kill: no receipt is written
        return generate(self, prompts)

    monkeypatch.setattr("tasks.answer.writer.BATCH", 1)
    monkeypatch.setattr(model.Model, "generate", die_at_third)
    with pytest.raises(KeyboardInterrupt):
        ask(questions(), model="fake", frames=0, texts="none", top=4)
    calls.clear()
    monkeypatch.setattr(
        model.Model, "generate", lambda self, p: calls.extend(p) or generate(self, p)
    )
    answers = ask(questions(), model="fake", frames=0, texts="none", top=4)[1]
    assert len(calls) == 1 and all(a.answer for a in answers.values())


def test_texts_that_cannot_be_read_fail_their_videos_until_they_can(
    ask, corpus, monkeypatch
) -> None:
    stage = current_stage(corpus.store, "c", "annotate-fake")
    name = layout.shard_file(stage.folder, "000000")
    whole = corpus.store.read(name)
    corpus.store.write(name, whole[: len(whole) // 2])  # cut off
    monkeypatch.setattr("tasks.answer.summary.require_success", lambda *_: None)
    broken, answers = ask(questions())
    assert {a.reason for a in answers.values()} == {"undecodable"}
    assert "000000" in answers["q1"].detail
    corpus.store.write(name, whole)
    mended, answers = ask(questions())
    assert mended["run"] != broken["run"] and mended["correct"] == 3


def test_a_folder_of_videos_is_answered_from_frames(corpus, tmp_path, clips) -> None:
    file = tmp_path / "q.csv"
    (clips / "broken.mp4").write_bytes(b"<html>gone</html>")
    rows = ["id,video,question,A,B,answer", "1,clip-0.mp4,what?,x,y,A", "2,none,what?,x,y,A",
            "3,broken.mp4,what?,x,y,A"]  # fmt: skip
    file.write_text("\n".join(rows))
    spec = AnswerSpec(model="fake", frames=2, side=32)
    out = tmp_path / "answers.parquet"
    summary = answer(str(file), videos=str(clips), spec=spec, out=str(out))
    first, second, third = pq.read_table(out).to_pylist()
    assert first["answer"] in "AB" and len(first["frames"]) == 2 and first["text"] == "what?"
    assert (second["reason"], third["reason"]) == ("missing", "undecodable")
    assert summary["failed"] == {"missing": 1, "undecodable": 1}


@pytest.mark.parametrize(
    ("rows", "fields", "names"),
    [([], {}, "no questions"), (questions(), {"model": "nobody"}, "similarity"),
     (questions(), {"kinds": ("speech",)}, "--with speech"),
     (questions(), {"encode": EncodeSpec(encoder="clip")}, "were encoded by sentences"),
     (questions(), {"sampling": "keyframe"}, "embed"),
     (questions(), {"out": "answers.txt"}, "jsonl"),
     ([{"id": "1", "video": "nowhere", "question": "?"}], {}, "nowhere")],
)  # fmt: skip
def test_what_is_missing_is_named(ask, rows, fields, names: str) -> None:
    with pytest.raises(UserError, match=names):
        ask(rows, **fields)


def test_a_model_that_leaves_out_a_prompt_fails_that_question_alone(ask, monkeypatch) -> None:
    generate = model.Model.generate
    lose_ships = lambda self, p: (o for o, each in zip(generate(self, p), p, strict=True)  # noqa: E731
                                  if "ship" not in each.blocks[-1])  # fmt: skip
    monkeypatch.setattr(model.Model, "generate", lose_ships)
    answers = ask(questions(), model="fake", frames=0, texts="none", top=5)[1]
    assert {id: a.reason for id, a in answers.items()} == {"q1": "crashed", "q2": None, "q3": None}


def test_a_question_to_the_corpus_is_answered_by_evidence_or_by_claims_that_cite(
    corpus, tmp_path, monkeypatch
) -> None:
    spec, asked = AnswerSpec(kinds=("fake",)), "What left the harbour?"
    found = ask_corpus(corpus, "c", asked, 2, spec, pytest.fail)
    assert found.reply is None and found.found[0].evidence.text == SAID[0]
    reply = "A ship <b>left</b> at noon [1]. It came back."
    monkeypatch.setattr(
        model.Model, "generate", lambda self, prompts: [Done(p.id, Reply(reply)) for p in prompts]
    )
    told = ask_corpus(corpus, "c", asked, 2, spec.model_copy(update={"model": "fake"}), pytest.fail)
    assert [claim.cites for claim in told.claims] == [(1,), ()]
    write_ask_page("c", told, tmp_path / "ask.html")
    page = (tmp_path / "ask.html").read_text()
    assert 'href="#evidence-1"' in page and 'id="evidence-2"' in page and "<b>left" not in page
    with pytest.raises(UserError, match="question"):
        ask_corpus(corpus, "c", " ", 2, spec, pytest.fail)


def test_answers_follow_a_withdrawal(ask, corpus) -> None:  # the last one: a video is gone then
    spec = {"texts": "shuffled", "top": 6}
    made = {name: ask(questions(), **fields)[0]["run"]
            for name, fields in {"own": {"top": 6}, "other": spec}.items()}  # fmt: skip
    lent = next(
        a.question for a in read_run_answers(corpus.store, made["other"])
        if any(e.video == "v1" for e in a.evidence)
    )  # fmt: skip
    wanted = {(made["own"], "q1"), (made["other"], "q1"), (made["other"], lent)}
    found = withdraw("v1", "c")["answers"]
    assert wanted <= {(row["run"], row["question"]) for row in found}
    assert read_run(corpus.store, made["own"])["correct"] == 3  # they stay until asked for
    assert withdraw("v1", "c", regenerate=True)["removed_answers"] == len(found)
    for run, question in wanted:
        folder = layout.answers_folder(run)
        for answers in (read_run_answers(corpus.store, run),
                        read_answered(corpus.store, folder).values()):  # fmt: skip
            [left] = [each for each in answers if each.question == question]
            assert left.reason == "rejected" and "withdrawn" in left.detail
            assert not (left.evidence or left.reply or left.answer)
    summary = read_run(corpus.store, made["own"])
    assert (summary["correct"], summary["counted"], summary["failed"]) == (2, 3, {"rejected": 1})
    assert withdraw("v1", "c", regenerate=True)["answers"] == []
