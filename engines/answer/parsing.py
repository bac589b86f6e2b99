"""Reads an option's letter from a reply, strictly: what could mean two options means none."""

import re
from collections.abc import Sequence

from data.runs.answers import ChosenBy
from data.runs.questions import LETTERS

_ALONE = re.compile(r"[(\[]?([A-Z])[)\]]?[.:,;]?(?:\s.*)?", re.DOTALL)
_SAID = re.compile(r"\b(?i:answer|option|choice)(?i:\s+is)?\s*:?\s*[(\[]?([A-Z])\b(?!')")
_WORD = re.compile(r"[AI]\s+[a-z]")  # "A cat sits there", "I think": no letters of options
_SEVERAL = re.compile(r"\b[A-Z][)\]]?\s*(?:or|and|/|,)\s*[(\[]?[A-Z]\b(?!\s+[a-z])")
_MARKS = "*_`\"' \t\n"


def parse_letter(reply: str, options: Sequence[str]) -> str | None:
    """The letter of the option that a reply names; None where it names none, or several.

    In this order: a letter at its start that stands alone ("B", "(B)", "B. a cat"), "answer is B"
    or "option B", the text of one option.
    """
    text, letters = reply.strip(_MARKS), LETTERS[: len(options)]
    alone = _ALONE.fullmatch(text)
    if _SEVERAL.search(text):
        return None
    if alone and alone[1] in letters and not _WORD.match(text):
        return alone[1]
    said = {letter for letter in _SAID.findall(text) if letter in letters}
    if len(said) == 1:
        return said.pop()
    if said:
        return None
    plain = _simplify(text)
    equal = [n for n, option in enumerate(options) if _simplify(option) == plain]
    within = [n for n, option in enumerate(options) if _contains(plain, _simplify(option))]
    found = equal or within
    return letters[found[0]] if len(found) == 1 and found[0] < len(letters) else None


def choose_letter(
    reply: str, options: Sequence[str], scores: Sequence[float] | None
) -> tuple[str | None, ChosenBy | None]:
    """The letter that a reply names, else that of the best score; and which of the two it is.

    Words go first: they are what the model ends with, and scores are of its first token alone.
    Neither where there are no scores, or several are the best.
    """
    if letter := parse_letter(reply, options):
        return letter, "reply"
    best = [n for n, score in enumerate(scores or ()) if score == max(scores or ())]
    return (LETTERS[best[0]], "scores") if len(best) == 1 else (None, None)


def _simplify(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))


def _contains(text: str, part: str) -> bool:
    return bool(part) and f" {part} " in f" {text} "
