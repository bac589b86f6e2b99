"""Long videos of known moments: clips joined one after the other, with queries for each of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

PIXELS = 96  # all shapes of a film have one size
NAMED = {"shape", "colour", "background"}  # what a query names, and no other scene has together
REAL_SIZE, REAL_FPS = (240, 320), 12.5


@dataclass(frozen=True, slots=True)
class Span:
    """The seconds from `start` to `end` of a film."""

    film: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Query:
    """A text and the spans that show it; `unit` is what queries of one clip have in common."""

    text: str
    right: tuple[Span, ...]
    unit: str
    films: tuple[str, ...] = ()  # the films that it is asked of; all if empty


def write_shape_films(folder: Path, films: int, scenes: int, seed: int) -> list[Query]:
    """Writes films of moving shapes, so many scenes each; every scene is queried once.

    No two of the first 216 scenes show one shape, colour and background.
    """
    from engines.tiny.corpus import scene_attributes
    from engines.tiny.movie import encode_movie
    from engines.tiny.render import render_frames
    from engines.tiny.scene import FPS, scene_at
    from engines.tiny.wording import TRAINING, write_phrase

    folder.mkdir(parents=True, exist_ok=True)
    queries, rng = [], np.random.default_rng(seed)
    for film in range(films):
        parts, file, at = [], folder / f"film-{film:03d}.mp4", 0.0
        for n in range(scenes):
            scene = replace(scene_at(seed, film * scenes + n), pixels=PIXELS)
            parts.append(render_frames(scene, np.arange(scene.frames)))
            attributes = scene_attributes(scene)
            phrase = write_phrase(rng, TRAINING, attributes)
            while not phrase.attributes >= NAMED:
                phrase = write_phrase(rng, TRAINING, attributes)
            span = Span(file.stem, at, at + scene.frames / FPS)
            queries.append(Query(phrase.text, (span,), f"{film}-{n}"))
            at = span.end
        encode_movie(np.concatenate(parts), file)
    return queries


def write_real_films(
    folder: Path, clips: Sequence[Path], texts: Mapping[str, Sequence[str]], rounds: int, seed: int
) -> list[Query]:
    """Writes films of all the clips, joined in another order and at other seconds each round.

    Every text is asked of every round's films; `texts` has those of the names of clips that each is
    right for. A clip of 3 seconds or more gives a part of 40 to 80 % of it.
    """
    from engines.video.writing import encode_mp4

    folder.mkdir(parents=True, exist_ok=True)
    queries, rng, whole = [], np.random.default_rng(seed), _read_clips(clips)
    for turn in range(rounds):
        shown: dict[str, list[Span]] = {}
        halves = np.array_split(rng.permutation(len(clips)), 2)
        names = tuple(f"round-{turn}-{half}" for half in range(len(halves)))
        for name, order in zip(names, halves, strict=True):
            parts: list[np.ndarray] = []
            for place in order:
                pixels = _choose_part(whole[place], rng)
                start = sum(map(len, parts)) / REAL_FPS
                span = Span(name, start, start + len(pixels) / REAL_FPS)
                shown.setdefault(clips[place].stem, []).append(span)
                parts.append(pixels)
            (folder / f"{name}.mp4").write_bytes(encode_mp4(np.concatenate(parts), REAL_FPS))
        for wanted, several in texts.items():
            right = tuple(span for clip in wanted.split() for span in shown.get(clip, ()))
            queries += [Query(text, right, wanted, names) for text in several if right]
    return queries


def _read_clips(clips: Sequence[Path]) -> list[np.ndarray]:
    """(n, H, W, 3) bytes of each clip, cropped to the films' size."""
    from data.records import Video
    from engines.video.frames import Resize, Sampling
    from engines.video.guard.guard import Guard

    height, width = REAL_SIZE
    pixels: dict[str, list[np.ndarray]] = {str(clip): [] for clip in clips}
    videos = [Video(name, name, "") for name in pixels]
    with Guard(1) as guard:
        shape = Resize(height, "shortest", width=width)
        for event in guard.decode(videos, Sampling(None, REAL_FPS), shape):
            if isinstance(event, tuple):
                pixels[event[0].id].append(event[1].pixels)
    return [np.concatenate(parts).transpose(0, 2, 3, 1) for parts in pixels.values()]


def _choose_part(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """40 to 80 % of a clip's frames; all of one that lasts less than 3 seconds."""
    if len(pixels) < 3 * REAL_FPS:
        return pixels
    count = int(len(pixels) * rng.uniform(0.4, 0.8))
    first = int(rng.integers(len(pixels) - count + 1))
    return pixels[first : first + count]
