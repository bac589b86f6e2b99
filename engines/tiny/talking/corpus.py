"""The corpus of talking films: videos, and a file of questions in Video-MME's own format."""

import json
import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from engines.tiny.talking.film import write_film
from engines.tiny.talking.pictures import draw_pictures, speak_film
from engines.tiny.talking.plan import SIDE, Film, Length, plan_film
from engines.tiny.talking.questions import build_entry
from engines.tiny.talking.voice import has_voice

VERSION = 1
QUESTIONS, RECORD = "questions.json", "corpus.json"
COUNTS: Mapping[Length, int] = {"short": 28, "medium": 10, "long": 2}


def write_talking(
    folder: Path, counts: Mapping[Length, int] = COUNTS, seed: int = 0, workers: int = 2
) -> dict[str, Any]:
    """Writes what is missing of the films and their questions: `videos/*.mp4`, `questions.json`.

    Returns its record, which is in `corpus.json`: `voice` is false where nothing here can speak,
    and then no film has sound, and no question is about what is said.
    """
    films, voice = plan_films(counts, seed), has_voice()
    entries = [build_entry(seed, n, film, voice) for n, film in enumerate(films)]
    # All that the files depend on: where one of these differs, they are made anew.
    record = {
        "version": VERSION, "seed": seed, "voice": voice, "videos": len(films),
        "minutes": round(sum(film.seconds for film in films) / 60, 1),
        "questions": sum(len(entry["questions"]) for entry in entries),
    }  # fmt: skip
    videos = folder / "videos"
    videos.mkdir(parents=True, exist_ok=True)
    if _read_record(folder) != record:
        for file in videos.glob("talk-*.mp4"):  # of another version, or without a voice
            file.unlink()
        _write_json(folder / RECORD, record)
    _write_json(folder / QUESTIONS, entries)
    missing = [film for film in films if not (videos / f"{film.name}.mp4").exists()]
    # The longest first: it must not be what the others are waited for at the end.
    missing.sort(key=lambda film: -film.seconds)
    if workers < 2 or len(missing) < 2:
        write_films(videos, voice, missing)
    else:
        # Spawned: a fork of a process with FFmpeg's threads may hang.
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            list(pool.map(partial(_write_one, videos, voice), missing))
    return record


def plan_films(counts: Mapping[Length, int], seed: int) -> list[Film]:
    """The films of a corpus; a length has its own numbers, so that more of one leave the others."""
    first: dict[Length, int] = {"short": 0, "medium": 400, "long": 800}
    return [
        plan_film(seed, first[length] + n, length)
        for length in first
        for n in range(counts.get(length, 0))
    ]


def write_films(videos: Path, voice: bool, films: Iterable[Film]) -> None:
    """Renders and encodes some films."""
    for film in films:
        _write_one(videos, voice, film)


def _write_one(videos: Path, voice: bool, film: Film) -> None:
    draft = videos / f".{film.name}.{os.getpid()}.part"
    sound = speak_film(film) if voice else None
    write_film(draft, draw_pictures(film), (SIDE, SIDE), film.fps, sound)
    os.replace(draft, videos / f"{film.name}.mp4")


def _read_record(folder: Path) -> dict[str, Any] | None:
    file = folder / RECORD
    return json.loads(file.read_text()) if file.exists() else None


def _write_json(file: Path, content: object) -> None:
    draft = file.with_suffix(".part")
    draft.write_text(json.dumps(content, indent=1) + "\n")
    os.replace(draft, file)
