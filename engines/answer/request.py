"""What a model asks for before it answers: Video-RAG's request (arXiv 2411.13093), checked."""

import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from data.runs.answers import Parse
from data.specs.annotate import PARTS

MOST_ENTITIES, MOST_CHARACTERS = 4, 400

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "ASR": {"type": ["string", "null"]},
        "DET": {"type": ["array", "null"], "items": {"type": "string"}, "maxItems": MOST_ENTITIES},
        "TYPE": {"type": ["array", "null"], "items": {"enum": list(PARTS)}},
    },
    "required": ["ASR", "DET", "TYPE"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class Request:
    """What to look for in speech, which objects in pictures, and what is wanted of these."""

    speech: str | None = None
    objects: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing is asked for."""
        return not (self.speech or self.objects)

    def to_json(self) -> str:
        """The request as rows of answers keep it."""
        return json.dumps(asdict(self), ensure_ascii=False)


def parse_request(reply: str) -> tuple[Request, Parse]:
    """The request of a reply, and whether it was as asked for, had to be repaired, or is none.

    Fences, words around the object, single quotes, trailing commas, a missing end, a string for a
    list, unknown parts and more than four objects are repaired.
    """
    text = reply.strip()
    try:
        payload, exact = json.loads(text), True
    except ValueError:
        payload, exact = _read_loosely(text), False
    if not isinstance(payload, dict):
        return Request(), "failed"
    known = {str(key).strip().upper(): value for key, value in payload.items()}
    if not known.keys() & SCHEMA["properties"].keys():
        return Request(), "failed"
    request = Request(
        _read_text(known.get("ASR")),
        tuple(_read_names(known.get("DET")))[:MOST_ENTITIES],
        tuple(each for each in _read_names(known.get("TYPE")) if each in PARTS),
    )
    return request, "ok" if exact and _is_as_asked(payload) else "repaired"


def _read_loosely(text: str) -> Any:
    """The first object in a text, after repairs; None where there is none."""
    start = text.find("{")
    if start < 0:
        return None
    body = text[start:]
    for candidate in _list_repairs(body):
        try:
            return json.JSONDecoder().raw_decode(candidate)[0]
        except (ValueError, RecursionError):
            continue
    return None


def _list_repairs(body: str) -> Iterable[str]:
    yield body
    commas = re.sub(r",\s*([}\]])", r"\1", body)
    yield commas
    quotes = re.sub(r"(?<=[{\[,:\s])'((?:[^'\\]|\\.)*)'(?=\s*[}\],:])", _requote, commas)
    words = re.sub(r"\bNone\b", "null", quotes)
    yield words
    # Cut off by the limit of tokens: whatever is open is closed.
    for end in ("}", "]}", '"}', '"]}', "null}"):
        yield re.sub(r",\s*$", "", words) + end


def _requote(match: re.Match[str]) -> str:
    return json.dumps(match[1].replace("\\'", "'"), ensure_ascii=False)


def _is_as_asked(payload: dict[str, Any]) -> bool:
    """Whether an object keeps to the schema."""
    speech, names, parts = (payload.get(key) for key in ("ASR", "DET", "TYPE"))
    return (
        payload.keys() == SCHEMA["properties"].keys()
        and (speech is None or isinstance(speech, str))
        and all(
            value is None or (isinstance(value, list) and all(isinstance(v, str) for v in value))
            for value in (names, parts)
        )
        and len(names or ()) <= MOST_ENTITIES
        and set(parts or ()) <= set(PARTS)
    )


def _read_text(value: Any) -> str | None:
    """A text, or texts of a list as one; None for null, and for a word that means it."""
    if isinstance(value, list):
        value = " ".join(each for each in value if isinstance(each, str))
    if not isinstance(value, str) or value.strip().casefold() in ("", "null", "none"):
        return None
    return value.strip()[:MOST_CHARACTERS]


def _read_names(value: Any) -> list[str]:
    """Names in lower case, each once, without an article; a text is split at commas."""
    values = value.split(",") if isinstance(value, str) else value
    if not isinstance(values, list):
        return []
    plain = (each.strip().casefold() for each in values if isinstance(each, str))
    short = (re.sub(r"^(the|an?|his|her|their)\s+", "", each) for each in plain)
    names = (each[:MOST_CHARACTERS] for each in short if each not in ("", "null", "none"))
    return list(dict.fromkeys(names))
