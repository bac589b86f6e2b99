"""The openai model against a real HTTP server, which does what servers do."""

import base64
import io
import json
import threading

import numpy as np
import pytest
from PIL import Image
from support.chat_server import Scripted, completion, refusal, serve

from data.errors import UserError
from data.outcome import Done, Failed
from data.specs.answer import AnswerSpec
from engines.answer.chat import client, waits
from engines.answer.chat.address import find_address
from engines.answer.models import openai
from engines.answer.protocol import AnswerSetup, Prompt

SPEC = AnswerSpec(model="openai", weights="tiny")
SCHEMA = {"type": "object", "properties": {"ASR": {"type": "string"}}}
KEY = "sk-very-secret"


@pytest.fixture(autouse=True)
def _no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waits, "FIRST_WAIT_S", 0.0)


def ask(reply, *prompts: Prompt, models=("tiny",), **setup):
    """The outcomes of the prompts by id, and what the server got."""
    with serve(reply, models) as server:
        model = openai.Model(SPEC)
        model.load(AnswerSetup(server=server.address, **setup))
        try:
            outcomes = {each.id: each for each in model.generate(prompts)}
        finally:
            model.close()
    return outcomes, server.requests


def question(id: str = "q", **fields) -> Prompt:
    return Prompt(id, ("what is seen?",), **fields)


def test_frames_and_texts_are_sent_and_a_reply_is_read() -> None:
    frames = np.full((2, 24, 32, 3), (200, 30, 30), np.uint8)
    prompt = question(frames=frames, times=(0.0, 1.0), max_tokens=9)
    outcomes, [(headers, body)] = ask(lambda *_: completion("a red wall"), prompt)
    reply = outcomes["q"].value
    assert (reply.text, reply.prompt_tokens, reply.reply_tokens) == ("a red wall", 12, 3)
    *pictures, text = body["messages"][0]["content"]
    assert text == {"type": "text", "text": "what is seen?"} and len(pictures) == 2
    head, _, data = pictures[0]["image_url"]["url"].partition(",")
    picture = Image.open(io.BytesIO(base64.b64decode(data)))
    assert head == "data:image/jpeg;base64" and picture.size == (32, 24)
    assert np.abs(np.asarray(picture)[5, 5].astype(int) - (200, 30, 30)).max() < 12
    assert (body["model"], body["temperature"], body["max_tokens"]) == ("tiny", 0.0, 9)
    assert "Authorization" not in headers


def test_control_words_in_a_text_are_broken_up() -> None:
    shown = "stop <|im_end|> </s> [INST] <start_of_turn>model: 3 < 4 <b> |> a[0]"
    _, [(_, body)] = ask(lambda *_: completion("B"), Prompt("q", (shown,)))
    sent = body["messages"][0]["content"]
    assert not any(word in sent for word in ("<|im_end|>", "</s>", "[INST]", "<start_of_turn>"))
    assert sent.replace(" ", "") == shown.replace(" ", "") and "3 < 4 <b> |> a[0]" in sent


@pytest.mark.parametrize(
    "fault",
    [refusal(429, "slow down", Retry_After="0"), refusal(500, "oops"), refusal(503, "loading"),
     refusal(429, "slow down", Retry_After="Wed, 21 Oct 2015 07:28:00 GMT"),
     Scripted(body=b'{"choices": [{"message": {"content": "B"}}]}', cut=9),
     Scripted(body=b"<html>proxy</html>"), Scripted(body=b'{"choices": []}'),
     Scripted(body=b'[1]'), Scripted(body=b'{"choices": [{"message": {"content": null}}]}'),
     Scripted(body=b"[" * 100_000), Scripted(body=b"\xff\xfe")],
)  # fmt: skip
def test_a_fault_that_passes_is_tried_again(fault: Scripted) -> None:
    outcomes, requests = ask(lambda _, n: completion("B") if n else fault, question())
    assert isinstance(outcomes["q"], Done) and len(requests) == 2


@pytest.mark.parametrize(
    ("fault", "reason"),
    [(refusal(429, "slow down", Retry_After="0"), "unreachable"),
     (refusal(500, "oops"), "unreachable"), (refusal(504, "late"), "timeout"),
     (Scripted(body=b"nonsense"), "undecodable"), (Scripted(body=b"{}", cut=1), "unreachable"),
     (Scripted(body=b"x" * (client.MOST_BYTES + 1)), "undecodable")],
)  # fmt: skip
def test_a_fault_that_stays_is_a_row_and_others_go_on(fault: Scripted, reason: str) -> None:
    def reply(body, _):
        return fault if body["messages"][0]["content"] == "bad" else completion("B")

    prompts = [question("a"), Prompt("b", ("bad",)), question("c")]
    outcomes, requests = ask(reply, *prompts, attempts=3)
    assert [type(outcomes[id]) for id in "abc"] == [Done, Failed, Done]
    assert outcomes["b"].reason == reason and len(requests) == 5


@pytest.mark.parametrize(
    ("fault", "reason"),
    [(refusal(400, "This model's maximum context length is 8 tokens"), "too_long"),
     (refusal(413, "too large"), "too_long"), (refusal(400, "bad picture"), "rejected"),
     (refusal(422, "bad picture"), "rejected")],
)  # fmt: skip
def test_a_prompt_that_is_at_fault_is_not_tried_again(fault: Scripted, reason: str) -> None:
    outcomes, requests = ask(lambda *_: fault, question())
    assert outcomes["q"].reason == reason and len(requests) == 1


def test_a_slow_server_is_given_up_in_time() -> None:
    held = threading.Event()
    slow = Scripted(body=b"{}", wait=held)
    try:
        outcomes, _ = ask(lambda *_: slow, question(), attempts=1, request_deadline_s=0.2)
    finally:
        held.set()
    assert outcomes["q"].reason == "timeout"


@pytest.mark.parametrize("status", [400, 422, 500])
@pytest.mark.parametrize("known", [None, "json_object"])
def test_a_schema_is_sent_as_a_server_takes_it_or_left_out(status: int, known: str | None) -> None:
    """llama.cpp's Python server knows the older way, and fails at the other with a 500."""

    def reply(body, _):
        sent = body.get("response_format", {}).get("type")
        if sent not in (None, known):
            return refusal(status, f"response_format of type {sent} is not supported")
        return completion('{"ASR": "harbour"}')

    prompts = [question(str(n), schema=SCHEMA) for n in range(6)]
    outcomes, requests = ask(reply, *prompts, concurrent_requests=1)
    assert all(json.loads(outcomes[p.id].value.text)["ASR"] == "harbour" for p in prompts)
    assert requests[0][1]["response_format"]["json_schema"]["schema"] == SCHEMA
    older = [body["response_format"]["schema"] for _, body in requests[1:] if len(body) > 4]
    assert older == [SCHEMA] * (6 if known else 1)
    assert len(requests) == (7 if known else 8)  # a refusal is remembered


def test_newer_names_of_a_request_are_found_by_the_error() -> None:
    def reply(body, _):
        if "max_tokens" in body:
            return refusal(400, "Unsupported parameter: 'max_tokens'; use 'max_completion_tokens'")
        if "temperature" in body:
            return refusal(400, "Unsupported value: 'temperature' does not support 0")
        return completion("B")

    outcomes, requests = ask(reply, question(max_tokens=7))
    assert outcomes["q"].value.text == "B" and requests[-1][1]["max_completion_tokens"] == 7


def likeliest(**tokens: float) -> dict:
    pairs = [{"token": token, "logprob": value} for token, value in tokens.items()]
    return {"content": [{"token": pairs[0]["token"], "top_logprobs": pairs}]}


def test_options_are_scored_by_the_first_token_and_never_by_an_article() -> None:
    options = ("A", "B", "C")
    scored = likeliest(B=-0.5, **{" B": -0.5, "A": -3.0, "The": -4.0})
    outcomes, [(_, body)] = ask(lambda *_: completion("B", logprobs=scored),
                                question(options=options))  # fmt: skip
    assert outcomes["q"].value.option_scores == pytest.approx((-3.0, np.log(2) - 0.5, -4.0))
    assert body["logprobs"] is True
    article = likeliest(The=-0.1, A=-2.0)
    for logprobs in (article, None, {"content": []}, {"content": [{"token": 3}]}):
        answer = completion("The answer is B", logprobs=logprobs)
        outcomes, _ = ask(lambda *_, a=answer: a, question(options=options))
        assert outcomes["q"].value.option_scores is None


def test_thoughts_are_no_part_of_a_reply() -> None:
    outcomes, _ = ask(lambda *_: completion("<think>A or B?</think>\n\nB"), question())
    assert outcomes["q"].value.text == "B"
    outcomes, _ = ask(lambda *_: completion(None, finish_reason="length"), question())
    assert outcomes["q"].value.text == ""


def test_many_are_under_way_at_once_and_no_more() -> None:
    lock, gate, count = threading.Lock(), threading.Barrier(3), [0, 0]

    def reply(*_):
        with lock:
            count[0] += 1
            count[1] = max(count)
        gate.wait(20)  # passes only if three are here together
        with lock:
            count[0] -= 1
        return completion("B")

    outcomes, _ = ask(reply, *(question(str(n)) for n in range(9)), concurrent_requests=3)
    assert list(outcomes) == [str(n) for n in range(9)] and count[1] == 3


def test_the_key_is_sent_and_shown_nowhere() -> None:
    setup = AnswerSetup(api_key=KEY)
    assert KEY not in repr(setup)
    outcomes, [(headers, _)] = ask(
        lambda *_: refusal(400, f"key {KEY} has no credit"), question(), api_key=KEY
    )
    assert headers["Authorization"] == f"Bearer {KEY}"
    assert KEY not in outcomes["q"].detail and "***" in outcomes["q"].detail
    with pytest.raises(UserError) as wrong:
        ask(lambda *_: refusal(401, f"wrong key {KEY}"), question(), api_key=KEY)
    assert KEY not in str(wrong.value)


@pytest.mark.parametrize(
    ("server", "why"),
    [(None, "REELFLOW"), ("ftp://localhost/v1", "ftp"), ("http://me:pw@localhost/v1", "password"),
     ("http://93.184.216.34/v1", "https"), ("http://", "valid")],
)  # fmt: skip
def test_an_address_that_is_none_is_said_so(server: str | None, why: str) -> None:
    with pytest.raises(UserError, match=why):
        find_address(AnswerSetup(server=server, api_key=KEY))


def test_an_address_may_leave_out_its_version() -> None:
    for server in ("http://localhost:8", "http://localhost:8/v1/chat/completions"):
        assert find_address(AnswerSetup(server=server)) == "http://localhost:8/v1"


def test_a_server_that_is_not_there_or_has_another_model_is_said_at_once() -> None:
    with pytest.raises(UserError, match="huge"):
        ask(lambda *_: completion("B"), question(), models=("huge",))
    with serve(lambda *_: completion("B")) as server:
        address = server.address
    model = openai.Model(SPEC)
    with pytest.raises(UserError, match="no server"):
        model.load(AnswerSetup(server=address))
    model.close()


def test_a_server_that_went_away_ends_the_run_and_is_not_asked_for_ever() -> None:
    prompts = [question(str(n)) for n in range(100)]
    with pytest.raises(UserError, match="not answered"):
        ask(lambda *_: refusal(503, "gone"), *prompts, attempts=1, concurrent_requests=2)


def test_another_model_of_a_server_is_another_run() -> None:
    """Fingerprints leave out `weights`, which elsewhere are a path: the digest has the name."""
    names = {openai.digest(SPEC.model_copy(update={"weights": name})) for name in ("a", "b", "a")}
    assert len(names) == 2
    with pytest.raises(UserError, match="--weights"):
        openai.digest(AnswerSpec(model="openai"))
