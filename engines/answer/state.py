"""A question on its way to an answer: its request, its texts, its prompt."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256

import numpy as np

from data.outcome import MACHINE_REASONS, Done, Failed, Outcome
from data.runs.answers import Answer, Evidence, Parse
from data.runs.questions import Question
from data.specs.answer import AnswerSpec
from data.stamps import hash_json
from engines.answer.closeness import compare_frames, compare_texts
from engines.answer.items import AnswerTask
from engines.answer.parsing import choose_letter
from engines.answer.prompts import build_answer, build_request
from engines.answer.protocol import Prompt, Reply
from engines.answer.request import SCHEMA, Request, parse_request
from engines.answer.retrieval import Selected, VideoTexts, list_queries
from engines.answer.vectors import Encoders, Vectors

Compare = Callable[[Sequence[str]], np.ndarray]


@dataclass(slots=True)
class Asked:
    """One question of a video, with what has been found for it so far."""

    key: str
    question: Question
    task: AnswerTask
    texts: VideoTexts
    request: Request = field(default_factory=Request)
    parse: Parse | None = None
    selected: Selected = field(default_factory=lambda: Selected((), ()))
    vectors: Sequence[Vectors] = ()
    tokens: list[tuple[int | None, int | None]] = field(default_factory=list)
    scenes: tuple[Evidence, ...] = ()
    fault: Failed | None = None
    seconds: float = 0.0
    digests: list[str] = field(default_factory=list)

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """The texts chosen for the question, in order of time."""
        return self.selected.evidence

    def build_request(self, spec: AnswerSpec, number: int) -> Prompt:
        """The prompt of the first or second request."""
        found = self.evidence if number > 1 else ()
        blocks = build_request(self.question, found)
        return Prompt(self.key, blocks, schema=SCHEMA, max_tokens=spec.request_tokens)

    def take_request(self, prompt: Prompt, outcome: Outcome[Reply]) -> None:
        """Adds what the model asked for; a request that was rejected asks for nothing.

        One that a machine failed of is a fault of the question: the next run makes it again.
        """
        self.count(prompt, outcome)
        if not isinstance(outcome, Done):
            self.parse = "failed"
            if outcome.reason in MACHINE_REASONS:
                self.fault = outcome
            return
        more, parse = parse_request(outcome.value.text)
        speech = " ".join(filter(None, (self.request.speech, more.speech))) or None
        objects = tuple(dict.fromkeys((*self.request.objects, *more.objects)))
        parts = tuple(dict.fromkeys((*self.request.parts, *more.parts)))
        self.request = Request(speech, objects, parts)
        # Of two requests the worse status stays visible.
        order = ("ok", "repaired", "failed")
        self.parse = max(parse, self.parse or parse, key=order.index)

    def list_queries(self) -> list[str]:
        """All texts whose vectors the question needs."""
        return list_queries(self.question, self.request, spoken=None)

    def select(self, spec: AnswerSpec, vectors: Sequence[Vectors]) -> None:
        """Chooses the question's texts."""
        self.vectors = vectors
        self.selected = self.texts.select(self.question, self.request, spec, vectors)

    def measure_closeness(self, compare: Compare | None) -> tuple[np.ndarray, ...]:
        """(options, n) arrays of texts and of frames, as far as there are any."""
        options, arrays = self.question.options, []
        if options and self.evidence:
            cosines = np.array(
                [[self._compare_query(option, row) for row in self.selected.rows]
                 for option in options]
            )  # fmt: skip
            texts = [each.text for each in self.evidence]
            asked = np.array(
                [self._compare_query(self.question.text, row) for row in self.selected.rows]
            )
            arrays.append(compare_texts(self.question.text, options, texts, cosines, asked))
        if options and compare:
            arrays.append(compare_frames(compare(options)))
        return tuple(arrays)

    def _compare_query(self, query: str, row: tuple[int, int]) -> float:
        part = self.texts.parts[row[0]]
        vector = self.vectors[part.encoder][query]
        return float(part.vectors[row[1]] @ vector / (np.linalg.norm(vector) or 1.0))

    def count(self, prompt: Prompt, outcome: Outcome[Reply]) -> None:
        """Adds what a call was sent and what it cost."""
        self.digests.append(digest_prompt(prompt))
        if isinstance(outcome, Done):
            reply = outcome.value
            self.tokens.append((reply.prompt_tokens, reply.reply_tokens))
            self.seconds += reply.seconds


def open_questions(task: AnswerTask, encoders: Encoders) -> Iterator[Asked]:
    """The questions of a video over texts that are opened once."""
    texts = VideoTexts([encoders.open_part(part) for part in task.parts if part.texts])
    for number, question in enumerate(task.questions):
        yield Asked(f"{task.id}\n{number}", question, task, texts)


def build_prompt(
    asked: Asked, frames: np.ndarray | None, times: tuple[float, ...], max_tokens: int
) -> Prompt:
    """The prompt of the answer."""
    question, duration = asked.question, asked.task.video.duration
    blocks = build_answer(question, [*asked.evidence, *asked.scenes], times, duration)
    return Prompt(asked.key, blocks, frames, times, tuple(question.letters), max_tokens=max_tokens)


def finish_answer(asked: Asked, prompt: Prompt | None, outcome: Outcome[Reply]) -> Answer:
    """The answer's row; with a reason where the model failed, perhaps before there was a prompt."""
    if prompt is not None:
        asked.count(prompt, outcome)
    question, video = asked.question, asked.task.video
    answer = Answer(
        question.id, question.video, video.content, evidence=(*asked.evidence, *asked.scenes),
        request=None if asked.parse is None else asked.request.to_json(), parse=asked.parse,
        frames=prompt.times if prompt else (), prompt=hash_json(asked.digests),
        seconds=round(asked.seconds, 4),
        prompt_tokens=_add_up([each[0] for each in asked.tokens]),
        reply_tokens=_add_up([each[1] for each in asked.tokens]),
        detail=f"not looked through for {', '.join(asked.task.lacks)}" if asked.task.lacks else "",
    )  # fmt: skip
    if not isinstance(outcome, Done):
        return replace(answer, reason=outcome.reason, detail=outcome.detail)
    reply = outcome.value
    answer = replace(answer, reply=reply.text, scores=reply.option_scores)
    if not question.options:
        return replace(answer, answer=reply.text.strip() or None)
    letter, source = choose_letter(reply.text, question.options, reply.option_scores)
    return replace(answer, answer=letter, chosen_by=source)


def digest_prompt(prompt: Prompt) -> str:
    """SHA-256, in hex, of all that a model is sent for a prompt."""
    sent = [list(prompt.blocks), list(prompt.times), list(prompt.options), prompt.max_tokens]
    digest = sha256(json.dumps(sent).encode())
    if prompt.frames is not None:
        digest.update(np.ascontiguousarray(prompt.frames).data)
    return digest.hexdigest()


def _add_up(counts: Sequence[int | None]) -> int | None:
    known = [each for each in counts if each is not None]
    return sum(known) if known else None
