"""What stages ask of a video-language model: prompts in, replies out, one for each."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np

from data.outcome import Outcome
from data.specs.answer import AnswerSpec
from engines.worker import ModelSetup

# `closeness`: the model reads no prompt and sees no frame; it goes by the closeness of options.
Capability = Literal["schema", "option_scores", "closeness"]


@dataclass(frozen=True, slots=True)
class Prompt:
    """One call of a model.

    `blocks` are its texts, in order; `frames` (n, height, width, 3) uint8 RGB were taken at `times`
    (n,) seconds, and come before the texts. `options` are letters of which the reply is to be one,
    empty for free text. `schema` is a JSON schema of the reply, for models that can keep to one.
    `closeness` are arrays (options, n), one of texts and one of frames: how near each option is to
    each piece of evidence, for a model that reads no prompt.
    """

    id: str
    blocks: tuple[str, ...]
    frames: np.ndarray | None = None
    times: tuple[float, ...] = ()
    options: tuple[str, ...] = ()
    schema: Mapping[str, Any] | None = None
    max_tokens: int = 16
    closeness: tuple[np.ndarray, ...] = ()


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model replies: its text, and a score for each option where it can give any.

    Scores are log-probabilities, or cosines: only their order within a reply means something.
    """

    text: str
    option_scores: tuple[float, ...] | None = None
    prompt_tokens: int | None = None
    reply_tokens: int | None = None
    seconds: float = 0.0


class VideoModel(Protocol):
    """The class `Model(spec)` of a plugin in `engines/answer/models`.

    The plugin also has `VERSION`, `digest(spec)`, which raises a UserError where weights or a
    server are missing, and `CAPABILITIES`: "schema", "option_scores".
    """

    def __init__(self, spec: AnswerSpec) -> None: ...

    def load(self, setup: ModelSetup) -> None:
        """Loads the weights, or opens the connection."""
        ...

    def generate(self, prompts: Sequence[Prompt]) -> Iterator[Outcome[Reply]]:
        """One outcome per prompt, in any order; what one prompt is to blame for is a Failed."""
        ...

    def close(self) -> None:
        """Ends what `load` began."""
        ...
