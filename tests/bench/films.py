"""Long videos of known moments: clips joined one after the other, with a query for each of them."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

PIXELS = 96  # all clips of a film have one size
SHOWN = {"shape", "colour", "background"}  # what a query names, and no other clip shows together


@dataclass(frozen=True, slots=True)
class Query:
    """A text, the film that it is of, and the seconds from `start` to `end` that show it."""

    text: str
    film: str
    start: float
    end: float


def write_shape_films(folder: Path, films: int, clips: int, seed: int) -> list[Query]:
    """Writes films of moving shapes, `clips` scenes each; every scene is queried once.

    No two scenes of the first 216 show one shape, colour and background.
    """
    from engines.tiny.corpus import scene_attributes
    from engines.tiny.movie import encode_movie
    from engines.tiny.render import render_frames
    from engines.tiny.scene import FPS, scene_at
    from engines.tiny.wording import TRAINING, write_phrase

    folder.mkdir(parents=True, exist_ok=True)
    queries, rng = [], np.random.default_rng(seed)
    for film in range(films):
        scenes = [
            replace(scene_at(seed, film * clips + n), pixels=PIXELS) for n in range(clips)
        ]
        parts, file = [], folder / f"film-{film:03d}.mp4"
        for scene in scenes:
            start = sum(len(part) for part in parts) / FPS
            parts.append(render_frames(scene, np.arange(scene.frames)))
            attributes = scene_attributes(scene)
            phrase = write_phrase(rng, TRAINING, attributes)
            while not SHOWN <= phrase.attributes:
                phrase = write_phrase(rng, TRAINING, attributes)
            queries.append(Query(phrase.text, file.stem, start, start + scene.frames / FPS))
        if not file.exists():
            encode_movie(np.concatenate(parts), file)
    return queries
