"""Answers without a model, for rehearsals: the option that its prompt's digest falls on."""

import json
from collections.abc import Iterator, Sequence
from hashlib import sha256

from data.outcome import Done, Outcome
from data.specs.answer import AnswerSpec
from engines.retrieve.text_rules import count_tokens
from engines.video_model import Prompt, Reply
from engines.worker import ModelSetup

VERSION = "1"
CAPABILITIES = frozenset({"schema", "option_scores"})


def digest(spec: AnswerSpec) -> str:
    """No weights."""
    return ""


class Model:
    """Replies with a letter, with an empty request where a schema is given, or with a sentence."""

    def __init__(self, spec: AnswerSpec) -> None:
        self.spec = spec

    def load(self, setup: ModelSetup) -> None:
        """Nothing to load."""

    def generate(self, prompts: Sequence[Prompt]) -> Iterator[Outcome[Reply]]:
        """One reply per prompt, in order."""
        for prompt in prompts:
            yield Done(prompt.id, _reply(prompt))

    def close(self) -> None:
        """Nothing to close."""


def _reply(prompt: Prompt) -> Reply:
    text = "\n".join(prompt.blocks)
    scores, reply = None, f"{len(prompt.times)} frames were seen."
    if prompt.schema is not None:
        reply = json.dumps({"ASR": None, "DET": None, "TYPE": None})
    elif prompt.options:
        chosen = int(sha256(text.encode()).hexdigest(), 16) % len(prompt.options)
        scores = tuple(float(n == chosen) for n in range(len(prompt.options)))
        reply = prompt.options[chosen]
    return Reply(reply, scores, count_tokens(text), count_tokens(reply))
