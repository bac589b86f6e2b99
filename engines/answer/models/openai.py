"""Any server that speaks OpenAI's chat completions: vLLM, SGLang, llama.cpp, Ollama, OpenAI."""

import threading
from collections.abc import Iterator, Sequence
from functools import partial

from data.batches import map_in_threads
from data.errors import UserError
from data.outcome import Failed, Outcome
from data.specs.answer import AnswerSpec
from engines.answer.chat.client import ChatClient
from engines.video_model import Prompt, Reply
from engines.worker import ModelSetup

VERSION = "1"
CAPABILITIES = frozenset({"schema", "option_scores"})
HOPELESS = 4  # rounds of prompts that the server did not answer at all: it is gone


def digest(spec: AnswerSpec) -> str:
    """The server's name of the model: fingerprints leave `weights` out, elsewhere a path."""
    if not spec.weights:
        raise UserError(
            "openai needs the name of the server's model: --weights NAME; for captions,"
            " --captioner-weights NAME"
        )
    return f"served {spec.weights}"


class Model:
    """Sends many prompts at once; `concurrent_requests` of them are under way."""

    def __init__(self, spec: AnswerSpec) -> None:
        self.spec = spec

    def load(self, setup: ModelSetup) -> None:
        """Looks whether the server is there and has the model."""
        self._at_once = setup.concurrent_requests
        self._client = ChatClient(setup, str(self.spec.weights))
        self._client.check_server()
        self._silent = 0

    def generate(self, prompts: Sequence[Prompt]) -> Iterator[Outcome[Reply]]:
        """One outcome per prompt, in order."""
        left = threading.Event()
        try:
            ask = partial(self._client.ask, left=left)
            for _, outcome in map_in_threads(ask, prompts, self._at_once):
                yield self._check_silence(outcome)
        finally:
            left.set()  # those under way wait for no further try, whose reply nobody takes

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()

    def _check_silence(self, outcome: Outcome[Reply]) -> Outcome[Reply]:
        if not isinstance(outcome, Failed) or outcome.reason != "unreachable":
            self._silent = 0
            return outcome
        self._silent += 1
        if self._silent > HOPELESS * self._at_once:
            raise UserError(
                f"the server has not answered the last {self._silent} prompts ({outcome.detail});"
                " the same command goes on from here once it does"
            )
        return outcome
