"""Letters of replies as the benchmarks' own scripts read them, with their faults.

They are here to compare with published figures; data of our own is judged strictly.
"""

import re
from collections.abc import Callable, Mapping
from hashlib import sha256

Parser = Callable[[str], str | None]

# As published: two commas are missing, so that the last four are two, which no reply begins with.
_PREFIXES = (
    "The best answer is", "The correct answer is", "The answer is", "The answer",
    "The best option isThe correct option is", "Best answer:Best option:",
)  # fmt: skip


def parse_video_mme(reply: str) -> str | None:
    """The first of A to D after some prefixes; None takes the question out of the denominator.

    "Answer: B" is read as A.
    """
    text = reply.strip()
    for prefix in _PREFIXES:
        text = text.replace(prefix, "")
    found = re.search("[ABCD]", text)
    return found[0] if found else None


def parse_mlvu(reply: str) -> str | None:
    """The reply's first character, whatever it is: "The answer is B" is T."""
    return reply[:1] or None


def parse_longvideobench(reply: str) -> str | None:
    """The first of A to E; None is guessed."""
    found = re.search("[ABCDE]", reply)
    return found[0] if found else None


def guess_letter(id: str, letters: str) -> str:
    """The published evaluator guesses anew in each run; here the guess follows from the id."""
    return letters[int(sha256(id.encode()).hexdigest(), 16) % len(letters)]


PARSERS: Mapping[str, Parser] = {
    "video-mme": parse_video_mme, "mlvu": parse_mlvu, "longvideobench": parse_longvideobench,
}  # fmt: skip
