"""No language model: the option whose words lie nearest to a text of the evidence.

It knows neither numbers nor order nor negation; it is what retrieval alone is worth.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from data.errors import UserError
from data.outcome import Done, Outcome
from data.specs.answer import AnswerSpec
from engines.answer.protocol import AnswerSetup, Prompt, Reply

VERSION = "1"
CAPABILITIES = frozenset({"option_scores"})


def digest(spec: AnswerSpec) -> str:
    """No weights but the encoder's; a UserError where some are named."""
    if spec.weights is not None:
        raise UserError("similarity has no weights: leave out --weights, or name another --model")
    return ""


class Model:
    """Scores an option by its largest cosine with any text; free questions get no reply."""

    def __init__(self, spec: AnswerSpec) -> None:
        self.spec = spec

    def load(self, setup: AnswerSetup) -> None:
        """Nothing to load: closeness comes with the prompt."""

    def generate(self, prompts: Sequence[Prompt]) -> Iterator[Outcome[Reply]]:
        """One reply per prompt, in order; an empty one where there is nothing to go by."""
        for prompt in prompts:
            yield Done(prompt.id, _choose(prompt))

    def close(self) -> None:
        """Nothing to close."""


def _choose(prompt: Prompt) -> Reply:
    close = prompt.closeness
    if close is None or not close.size:
        return Reply("")
    scores = close.max(1)
    # Of equals the first: a choice by chance would differ from run to run.
    return Reply(prompt.options[int(np.argmax(scores))], tuple(scores.tolist()))
