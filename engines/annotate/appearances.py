"""Merges what OCR reads frame by frame into texts: each with its surest spelling and its times."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher

from data.store.texts import Text

# What OCR takes for each other, after casefold; applied to both sides of a comparison only.
LOOKALIKES = str.maketrans({"0": "o", "1": "l", "i": "l", "|": "l", "5": "s", "8": "b"})
KEPT_SPELLINGS = 8


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text in one frame; `box` is left, top, right, bottom in thousandths."""

    text: str
    score: float
    box: tuple[int, int, int, int]


@dataclass(slots=True)
class _Appearance:
    best: Line
    start: float
    end: float
    key: str
    spellings: dict[str, float] = field(default_factory=dict)

    def add(self, line: Line, seconds: float) -> None:
        self.end = seconds
        self.spellings[line.text] = max(line.score, self.spellings.get(line.text, 0.0))
        if line.score > self.best.score:
            self.best, self.key = line, normalise(line.text)

    def to_text(self) -> Text:
        ranked = sorted(self.spellings.items(), key=lambda each: -each[1])[:KEPT_SPELLINGS]
        record = {"spellings": {text: round(score, 3) for text, score in ranked}}
        return Text(
            round(self.start, 2), round(self.end, 2), self.best.text,
            score=round(self.best.score, 3), box=self.best.box,
            record=json.dumps(record, ensure_ascii=False),
        )  # fmt: skip


def normalise(text: str) -> str:
    """The text as spellings are compared: case, lookalikes, spaces and punctuation do not count.

    A text of signs alone stands for itself.
    """
    plain = re.sub(r"[\W_]+", "", text.casefold()).translate(LOOKALIKES)
    return plain or text.strip()


def is_alike(a: str, b: str, alike: float) -> bool:
    """Whether two normalised spellings are of one text: equal, or of a ratio of at least `alike`.

    Texts that differ in a digit are different texts: prices and scores count up.
    """
    if a == b:
        return True
    shortest, longest = sorted((len(a), len(b)))
    if 2 * shortest < alike * (shortest + longest) or _digits(a) != _digits(b):
        return False
    return SequenceMatcher(None, a, b, autojunk=False).ratio() >= alike


def _digits(text: str) -> str:
    return "".join(filter(str.isdigit, text))


class Appearances:
    """Takes the lines of one video's frames, in order, and gives its texts.

    A text that was not seen for more than `absent_s` has another appearance when it returns.
    """

    def __init__(self, alike: float, absent_s: float) -> None:
        self.alike, self.absent_s = alike, absent_s
        self._open: list[_Appearance] = []
        self._closed: list[_Appearance] = []

    def add(self, lines: Sequence[Line], seconds: float) -> None:
        """The lines of the frame at this time."""
        still = [each for each in self._open if seconds - each.end <= self.absent_s]
        self._closed += [each for each in self._open if seconds - each.end > self.absent_s]
        self._open = still
        for line in lines:
            key = normalise(line.text)
            match = next((a for a in self._open if is_alike(a.key, key, self.alike)), None)
            if match is None:
                match = _Appearance(line, seconds, seconds, key)
                self._open.append(match)
            match.add(line, seconds)

    def finish(self) -> list[Text]:
        """All texts, by the time they are first seen, from top to bottom."""
        found = sorted(
            self._closed + self._open, key=lambda each: (each.start, each.best.box[1], each.key)
        )
        return [each.to_text() for each in found]
