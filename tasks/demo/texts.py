"""The films of the demo of texts, and what is to be said of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engines.tiny.talking import corpus
from tasks.workers import count_cores


@dataclass(frozen=True)
class Films:
    """The folder of the films, the file of their questions, and the record of both."""

    videos: Path
    questions: Path
    record: Mapping[str, Any]


def make_films(folder: Path, counts: Mapping[str, int] | None = None, seed: int = 0) -> Films:
    """Makes what is missing of the films of talking shapes, so many of each length."""
    wanted: Any = corpus.COUNTS if counts is None else counts
    record = corpus.write_talking(folder, wanted, seed, count_cores())
    return Films(folder / "videos", folder / corpus.QUESTIONS, record)


def describe_films(films: Films) -> list[str]:
    """What whoever made the films has to know of them."""
    record = films.record
    notes = [
        f"{record['videos']} films of {record['minutes']:,.0f} minutes,"
        f" {record['questions']} questions: {films.questions}"
    ]
    if not record["voice"]:
        notes.append(
            "nothing here can speak, so the films are mute and nothing is asked of speech:"
            " pip install espeakng-loader, or install Debian's espeak-ng"
        )
    return notes
