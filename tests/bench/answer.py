"""A question answered in batches against one by one, with texts encoded once or for each.

With the models similarity and fake: what is measured is everything but a language model. Loading is
not counted.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from bench.annotate import cpu_seconds

from data.outcome import Done
from data.records import Video
from data.runs.questions import Question
from data.specs.answer import AnswerSpec
from data.specs.encode import EncodeSpec
from data.store.texts import StoredText
from engines.answer.engine import VideoAnswerer
from engines.answer.items import AnswerTask, TextPart
from engines.answer.protocol import AnswerSetup
from engines.retrieve.encoders.sentences import Encoder
from engines.retrieve.text_rules import normalise

QUESTIONS, TEXTS = 12, 120  # a video: an hour of speech in passages of 30 s
WORDS = ("harbour", "price", "telescope", "rain", "apple", "engine", "letter", "north")


def build_task(file: str, encoder: Encoder) -> AnswerTask:
    """A video with questions and texts, whose vectors are stored."""
    said = [
        f"{WORDS[n % 8]} number {n} was seen near the {WORDS[n * 3 % 8]}." for n in range(TEXTS)
    ]
    texts = tuple(
        StoredText("", "speech", 30.0 * n, 30.0 * n + 30, text) for n, text in enumerate(said)
    )
    vectors = normalise(encoder.encode(said)).astype(np.float16)
    questions = tuple(
        Question(str(n), "v", f"What was seen near the {WORDS[n % 8]}?", WORDS[:4])
        for n in range(QUESTIONS)
    )
    part = TextPart("v", EncodeSpec(), texts, vectors)
    return AnswerTask(file, Video(Path(file).stem, file, ""), questions, (part,))


def measure(spec: AnswerSpec, batches: Sequence[Sequence[AnswerTask]]) -> tuple[int, float]:
    """How many questions were answered, and the seconds of CPU."""
    engine = VideoAnswerer(spec, AnswerSetup(), None)
    engine.load()
    first = batches[0][0]  # asked beforehand, so that no import or load is counted
    list(engine.run([replace(first, questions=first.questions[:1])]))
    before = cpu_seconds()
    outcomes = [outcome for batch in batches for outcome in engine.run(batch)]
    engine.close()  # its decoder ends, and its CPU is counted
    count = sum(len(each.value.answers) for each in outcomes if isinstance(each, Done))
    return count, cpu_seconds() - before


def measure_ways(files: Sequence[str]) -> Iterator[tuple[str, int, float]]:
    """Texts alone, then with frames; together, one by one, and without stored vectors."""
    encoder = Encoder(EncodeSpec())
    encoder.load()
    tasks = [build_task(file, encoder) for file in files]
    alone = [[replace(task, questions=(q,))] for task in tasks for q in task.questions]
    unstored = [[replace(task, parts=(replace(task.parts[0], vectors=None),))] for [task] in alone]
    texts, frames = AnswerSpec(), AnswerSpec(model="fake")
    ways = (
        ("texts, a video's questions together", texts, [tasks]),
        ("texts, one by one", texts, alone),
        ("texts, one by one, encoded for each question", texts, unstored),
        ("texts and 32 frames, a video's questions together", frames, [tasks]),
        ("texts and 32 frames, one by one", frames, alone),
    )
    for name, spec, batches in ways:
        yield name, *measure(spec, batches)
