"""No language model: the option whose words lie nearest to texts and frames of the evidence.

It knows neither numbers nor order nor negation; it is what retrieval alone is worth.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from data.errors import UserError
from data.outcome import Done, Outcome
from data.specs.answer import AnswerSpec
from engines.video_model import Prompt, Reply
from engines.worker import ModelSetup

VERSION = "1"
CAPABILITIES = frozenset({"option_scores", "closeness"})


def digest(spec: AnswerSpec) -> str:
    """No weights but the encoder's; a UserError where some are named."""
    if spec.weights is not None:
        raise UserError("similarity has no weights: leave out --weights, or name another --model")
    return ""


class Model:
    """An option's score is its largest closeness to any text plus that to any frame.

    Questions without options get an empty reply.
    """

    def __init__(self, spec: AnswerSpec) -> None:
        self.spec = spec

    def load(self, setup: ModelSetup) -> None:
        """Nothing to load: closeness comes with the prompt."""

    def generate(self, prompts: Sequence[Prompt]) -> Iterator[Outcome[Reply]]:
        """One reply per prompt, in order; an empty one where there is nothing to go by."""
        for prompt in prompts:
            yield Done(prompt.id, _choose(prompt))

    def close(self) -> None:
        """Nothing to close."""


def _choose(prompt: Prompt) -> Reply:
    nearest = [each.max(1) for each in prompt.closeness if each.size]
    if not nearest:
        return Reply("")
    scores = np.sum(nearest, axis=0)
    if not np.ptp(scores):  # nothing speaks for any option: the first would be right by chance
        return Reply("")
    # Of two equals the first: a choice by chance would differ from run to run.
    return Reply(prompt.options[int(np.argmax(scores))], tuple(scores.tolist()))
