"""The answer stage's engine: which prompts go to the model together, and what becomes of them."""

import numpy as np
import pytest

from data.outcome import Done, Failed
from data.records import Video
from data.runs.answers import Answer
from data.runs.questions import Question
from data.specs.answer import AnswerSpec
from data.specs.encode import EncodeSpec
from data.store.texts import StoredText
from engines.answer.engine import VideoAnswerer
from engines.answer.items import AnswerTask, TextPart
from engines.answer.protocol import AnswerSetup, Prompt, Reply


def answer_all(spec: AnswerSpec, task: AnswerTask, reply, at_once: int = 8) -> list[Answer]:
    """The answers of a video's questions, by a model that gives `reply` for each prompt."""
    engine = VideoAnswerer(spec, AnswerSetup(decoders=1, concurrent_requests=at_once), None)
    engine.load()
    engine.model.generate = lambda prompts: [reply(prompt) for prompt in prompts]
    try:
        [outcome] = engine.run([task])
    finally:
        engine.close()
    return list(outcome.value.answers)


def make_task(count: int, *texts: str) -> AnswerTask:
    """A fake video with questions, and with texts whose vectors are stored."""
    said = tuple(StoredText("c", "speech", n, n + 1.0, text) for n, text in enumerate(texts))
    part = TextPart("v", EncodeSpec(), said, np.eye(len(said), 512, dtype=np.float32))
    asked = tuple(Question(f"q{n}", "v", "seen?", ("a cat", "a dog")) for n in range(count))
    return AnswerTask("v", Video("v", "fake://v", "c"), asked, (part,) if texts else ())


@pytest.mark.parametrize(("at_once", "sizes"), [(8, [12]), (2, [6, 6]), (1, [3, 3, 3, 3])])
def test_questions_of_several_videos_keep_a_server_busy(at_once: int, sizes: list[int]) -> None:
    spec = AnswerSpec(model="fake", texts="none", frames=0)
    engine = VideoAnswerer(spec, AnswerSetup(concurrent_requests=at_once), None)
    engine.load()
    seen, generate = [], engine.model.generate
    engine.model.generate = lambda prompts: (seen.append(len(prompts)), generate(prompts))[1]
    tasks = [
        AnswerTask(str(v), Video(str(v), f"fake://{v}", ""),
                   tuple(Question(f"{v}-{n}", str(v), "seen?", ("a", "b")) for n in range(3)))
        for v in range(4)
    ]  # fmt: skip
    outcomes = list(engine.run(tasks))
    engine.close()
    assert seen == sizes
    assert [each.id for each in outcomes] == ["0", "1", "2", "3"]
    asked = [answer.question for each in outcomes for answer in each.value.answers]
    assert asked == [f"{v}-{n}" for v in range(4) for n in range(3)]


def test_a_video_of_many_questions_shares_its_frames_and_few_prompts_are_held_at_once() -> None:
    sizes, frames = [], set()

    def reply(prompt: Prompt) -> Done[Reply]:
        frames.add(id(prompt.frames))
        return Done(prompt.id, Reply("A"))

    spec = AnswerSpec(model="fake", texts="none", frames=2, side=16)
    engine = VideoAnswerer(spec, AnswerSetup(decoders=1, concurrent_requests=1), None)
    engine.load()
    engine.model.generate = lambda prompts: (sizes.append(len(prompts)), map(reply, prompts))[1]
    [outcome] = engine.run([make_task(10)])
    engine.close()
    assert sizes == [4, 4, 2] and len(frames) == 1
    assert [each.question for each in outcome.value.answers] == [f"q{n}" for n in range(10)]


@pytest.mark.parametrize(
    ("reason", "kept"), [("timeout", "timeout"), ("unreachable", "unreachable"), ("rejected", None)]
)
def test_a_question_whose_request_a_machine_failed_of_is_left_for_the_next_run(
    reason, kept
) -> None:
    def reply(prompt: Prompt) -> Done[Reply] | Failed:
        return Failed(prompt.id, reason, "busy") if prompt.schema else Done(prompt.id, Reply("A"))

    [answer] = answer_all(AnswerSpec(model="fake", frames=0), make_task(1, "a cat"), reply)
    assert (answer.reason, answer.parse) == (kept, "failed")
    assert answer.answer == (None if kept else "A")


@pytest.mark.parametrize(
    ("text", "scores", "chosen"),
    [("B", (0.0, -9.0), ("B", "reply")), ("I would say so", (-3.0, -1.0), ("B", "scores")),
     ("A or B", (-1.0, -3.0), ("A", "scores")), ("no idea", None, (None, None)),
     ("no idea", (-1.0, -1.0), (None, None)), ("no idea", (float("nan"), 0.0), (None, None))],
)  # fmt: skip
def test_a_reply_that_names_no_option_is_read_by_its_scores(text, scores, chosen) -> None:
    spec = AnswerSpec(model="fake", texts="none", frames=0)
    [answer] = answer_all(spec, make_task(1), lambda p: Done(p.id, Reply(text, scores)))
    assert (answer.answer, answer.chosen_by) == chosen and answer.reply == text
