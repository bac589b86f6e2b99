"""Answers from many videos: evidence by number, and claims that cite it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from data.runs.answers import Evidence
from data.timecode import format_seconds
from engines.answer.prompts import DATA, escape_fence

_CITED = re.compile(r"\[((?:\d+\s*[,;]?\s*)+)\]")
_SENTENCE = re.compile(r"(?<=[.!?])(?:\s*\[[\d\s,;]+\])*\s+(?=\S)|\n+")


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence of an answer, with the numbers of the evidence that it cites, from 1.

    Without any it is a claim that nothing was shown for; `unknown` are numbers of no evidence.
    """

    text: str
    cites: tuple[int, ...] = ()
    unknown: tuple[int, ...] = ()


def build_ask(question: str, evidence: Sequence[Evidence], shown: Sequence[int]) -> tuple[str, ...]:
    """The texts of a question about a corpus; `shown` are the numbers whose frames are shown."""
    places = {number: place for place, number in enumerate(shown, start=1)}
    lines = [
        _write_line(number, each, places.get(number)) for number, each in enumerate(evidence, 1)
    ]
    return (
        "Moments of videos, found for a question:\n"
        + "\n".join(["<evidence>", *lines, "</evidence>"]),
        DATA,
        "Answer the question in a few sentences, from this evidence alone. After each sentence"
        " write the numbers of the evidence that it rests on, as in [1] or [2, 3]. Where the"
        f" evidence does not answer it, say so.\nQuestion: {question}",
    )


def read_claims(reply: str, count: int) -> tuple[Claim, ...]:
    """The sentences of a reply with what each cites of `count` pieces of evidence."""
    claims = []
    for sentence in _split_sentences(reply):
        numbers = [int(n) for group in _CITED.findall(sentence) for n in re.findall(r"\d+", group)]
        text = re.sub(r"\s+([.!?,])", r"\1", _CITED.sub("", sentence)).strip()
        if text:
            known = tuple(dict.fromkeys(n for n in numbers if 1 <= n <= count))
            unknown = tuple(dict.fromkeys(n for n in numbers if not 1 <= n <= count))
            claims.append(Claim(text, known, unknown))
    return tuple(claims)


def _split_sentences(reply: str) -> list[str]:
    """Sentences, each with the citations that follow its full stop."""
    parts, start = [], 0
    for match in _SENTENCE.finditer(reply.strip()):
        parts.append(reply.strip()[start : match.end()])
        start = match.end()
    return [*parts, reply.strip()[start:]]


def _write_line(number: int, evidence: Evidence, place: int | None) -> str:
    times = f"{format_seconds(evidence.start)}-{format_seconds(evidence.end)}"
    what = f"frame {place} of those shown" if place else ""
    text = ": ".join(filter(None, (what, escape_fence(evidence.text))))
    return f"[{number}] video {escape_fence(evidence.video)}, {times}, {evidence.kind}: {text}"
