"""The answer stage's engine: which prompts go to the model together."""

import pytest

from data.records import Video
from data.runs.questions import Question
from data.specs.answer import AnswerSpec
from engines.answer.engine import VideoAnswerer
from engines.answer.items import AnswerTask
from engines.answer.protocol import AnswerSetup


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
