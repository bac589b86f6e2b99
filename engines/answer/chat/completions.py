"""Requests and replies of OpenAI's chat completions, as vLLM, SGLang, llama.cpp and Ollama speak.

Not every server knows every part of a request: `find_unknown` chooses what to do without.
"""

import base64
import io
import json
import math
import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from engines.answer.control_tokens import defuse_text
from engines.video_model import Prompt, Reply

QUALITY = 90  # of JPEG: text on the screen stays legible
LIKELIEST = 20  # tokens that servers give log-probabilities of, at most
SHOWN = 200  # characters of a server's words in an error
THOUGHT = re.compile(r"\A\s*<think>.*?(?:</think>|\Z)", re.DOTALL)
# Parts of a request that servers reject, with the words by which their errors name them.
PARTS = {
    "json_schema": ("response_format", "json_schema", "schema", "grammar", "guided"),
    "json_object": ("response_format", "json_object", "schema", "grammar", "guided"),
    "logprobs": ("logprobs",),
    "max_tokens": ("max_completion_tokens", "max_tokens"),
    "temperature": ("temperature",),
}


class BadReply(Exception):
    """A reply that is no chat completion, though its status says that all went well."""


def build_request(model: str, prompt: Prompt, unknown: Iterable[str] = ()) -> dict[str, Any]:
    """The body of a request, without the parts that the server does not know."""
    unknown, text = set(unknown), defuse_text("\n".join(prompt.blocks))
    frames = () if prompt.frames is None else prompt.frames
    content: list[dict[str, Any]] = [
        {"type": "image_url", "image_url": {"url": encode_frame(frame)}} for frame in frames
    ]
    content.append({"type": "text", "text": text})
    # Servers of models without eyes take a string only.
    message = {"role": "user", "content": content if len(content) > 1 else text}
    # OpenAI's newer models reject the old name, older servers ignore the new one.
    limit = "max_completion_tokens" if "max_tokens" in unknown else "max_tokens"
    body: dict[str, Any] = {"model": model, "messages": [message], limit: prompt.max_tokens}
    if "temperature" not in unknown:
        body["temperature"] = 0.0
    if prompt.schema is not None and not {"json_schema", "json_object"} <= unknown:
        body["response_format"] = _build_format(dict(prompt.schema), "json_schema" in unknown)
    if prompt.options and "logprobs" not in unknown:
        body |= {"logprobs": True, "top_logprobs": LIKELIEST}
    return body


def _build_format(schema: dict[str, Any], is_older: bool) -> dict[str, Any]:
    if is_older:  # as llama.cpp's Python server takes it
        return {"type": "json_object", "schema": schema}
    named = {"name": "reply", "schema": schema, "strict": True}
    return {"type": "json_schema", "json_schema": named}


def encode_frame(pixels: np.ndarray) -> str:
    """(height, width, 3) uint8 RGB as the data URL of a JPEG."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, "JPEG", quality=QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def find_unknown(body: dict[str, Any], message: str) -> str | None:
    """The part of a rejected request to do without; None where the fault is another one.

    That is the part that the error names; else a schema or scores, which are the least common.
    """
    rare = [part for part in _list_parts(body) if part not in ("max_tokens", "temperature")]
    return find_named(body, message) or next(iter(rare), None)


def find_named(body: dict[str, Any], message: str) -> str | None:
    """The part of a rejected request that the error names; None where it names none."""
    words = message.lower()
    named = (part for part in _list_parts(body) if any(word in words for word in PARTS[part]))
    return next(named, None)


def _list_parts(body: dict[str, Any]) -> list[str]:
    sent = {*body, body.get("response_format", {}).get("type")}
    return [part for part in PARTS if part in sent]


def parse_reply(data: bytes, options: Sequence[str], seconds: float) -> Reply:
    """The model's reply; a BadReply where the server gave something else."""
    try:
        completion = json.loads(data)
        choice = completion["choices"][0]
        text, is_cut = choice["message"]["content"], choice.get("finish_reason") == "length"
        usage = completion.get("usage") or {}
        counts = [usage.get(f"{name}_tokens") for name in ("prompt", "completion")]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise BadReply(f"the server's reply is no chat completion: {shorten(data)}") from error
    if text is None and is_cut:  # all its tokens went into thoughts
        text = ""
    if not isinstance(text, str):
        raise BadReply(f"the server's reply has no text: {shorten(data)}")
    read, written = (n if isinstance(n, int) and n >= 0 else None for n in counts)
    scores = read_scores(choice.get("logprobs"), options)
    return Reply(THOUGHT.sub("", text).strip(), scores, read, written, seconds)


def read_scores(logprobs: Any, options: Sequence[str]) -> tuple[float, ...] | None:
    """Log-probabilities of options as the reply's first token; None where that is none of them.

    An option that is not among the likeliest tokens has the score of the last of those.
    """
    try:
        first = logprobs["content"][0]
        pairs = [(str(each["token"]), float(each["logprob"])) for each in first["top_logprobs"]]
        chosen = read_letter(str(first["token"]))
    except (LookupError, TypeError, ValueError):
        return None
    pairs = [(token, value) for token, value in pairs if not math.isnan(value)]
    # Of a reply that begins with other words, "A" is an article.
    if not pairs or chosen not in options:
        return None
    floor = min(value for _, value in pairs)
    by_letter: dict[str, list[float]] = {}
    for token, value in pairs:  # "B" and " B" are one option
        by_letter.setdefault(read_letter(token), []).append(value)
    return tuple(
        float(np.logaddexp.reduce(by_letter[option])) if option in by_letter else floor
        for option in options
    )


def read_letter(token: str) -> str:
    """A token without the space and the brackets around its letter."""
    return token.strip(" \n().:*")


def read_error(data: bytes) -> str:
    """What a server's error says, in one short line."""
    try:
        reply = json.loads(data)
        error = reply.get("error", reply)
        text = error if isinstance(error, str) else error.get("message") or json.dumps(error)
    except (ValueError, AttributeError, RecursionError):
        return shorten(data)
    return shorten(str(text).encode())


def shorten(data: bytes) -> str:
    """The beginning of a reply, in one line."""
    text = " ".join(data[:1000].decode(errors="replace").split())
    return text[:SHOWN] or "nothing"
