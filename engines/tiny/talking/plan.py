"""What happens in a talking film: its chapters, what they show, and what is said and written."""

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import numpy as np

from engines.tiny.scene import COLOURS, SHAPES, Scene, draw_scene

Length = Literal["short", "medium", "long"]

SIDE = 256  # pixels; the smallest picture whose text is read without a mistake
MOVING_S = 4.0  # a chapter's shape moves for so long, then rests: rest costs next to nothing
CARD_S = 8.0
PLAIN = ("black", "white", "grey")
# Seconds and chapters of a film: as Video-MME's, at the short end of each.
LENGTHS: dict[Length, tuple[tuple[int, int], int]] = {
    "short": ((75, 110), 5), "medium": ((240, 300), 7), "long": ((1800, 1860), 12),
}  # fmt: skip
# Words that Whisper's smallest model writes down as espeak-ng says them.
THINGS = (
    "lantern", "umbrella", "bicycle", "camera", "suitcase", "blanket", "guitar", "mirror",
    "helmet", "notebook", "telescope", "trumpet", "jacket", "ladder", "carpet", "painting",
)  # fmt: skip
PLACES = (
    "at the harbour", "in the library", "at the station", "behind the hospital", "in the garden",
    "at the airport", "in the kitchen", "at the theatre", "at the market", "at the castle",
    "in the museum", "at the church", "at the factory", "at the school", "on the island",
)  # fmt: skip
CITIES = (
    "Lisbon", "Vienna", "Oslo", "Madrid", "Berlin", "Dublin", "Athens", "Warsaw", "Prague",
    "Helsinki", "Budapest", "Rome",
)  # fmt: skip
GOODS = (
    "apples", "candles", "coffee", "honey", "silver", "marble", "cotton", "paper", "pepper",
    "copper", "flour", "roses",
)  # fmt: skip


@dataclass(frozen=True)
class Chapter:
    """A part of a film: a shape that moves and rests, a spoken fact and a written one.

    Times are in seconds after the film's first frame.
    """

    start: float
    end: float
    scene: Scene
    thing: str
    place: str
    spoken_at: float
    city: str
    goods: str
    card_at: float

    @property
    def sentence(self) -> str:
        """What is said."""
        return f"The {self.thing} was left {self.place}."

    @property
    def card(self) -> str:
        """What is written on the card."""
        return f"Ferry to {self.city}: {self.goods}"

    @property
    def shape(self) -> str:
        """What is shown."""
        article = "an" if self.scene.colour[0] in "aeiou" else "a"
        return f"{article} {self.scene.colour} {self.scene.shape}"


@dataclass(frozen=True)
class Film:
    """A film's name, its length, pictures a second, and its chapters in order."""

    name: str
    length: Length
    fps: int
    chapters: tuple[Chapter, ...]

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.chapters[-1].end


def plan_film(seed: int, number: int, length: Length) -> Film:
    """The film of a number: the same for the same seed, whatever other films there are."""
    rng = np.random.default_rng([seed, 11, number])
    between, count = LENGTHS[length]
    seconds = int(rng.integers(*between, endpoint=True))
    cuts = np.linspace(0, seconds, count + 1).round().tolist()
    pairs = [(colour, shape) for colour in COLOURS for shape in SHAPES]
    shown = [pairs[n] for n in rng.permutation(len(pairs))[:count]]
    words = [rng.permutation(each)[:count].tolist() for each in (THINGS, PLACES, CITIES, GOODS)]
    chapters = []
    for place, (start, end) in enumerate(pairwise(cuts)):
        thing, where, city, goods = (each[place] for each in words)
        colour, shape = shown[place]
        scene = draw_scene(rng, (shape, colour, str(rng.choice(PLAIN))))
        # Sentences and cards lie apart, and neither touches a cut.
        spoken = float(rng.uniform(start + 1, end - 5))
        card = float(rng.integers(int(start + MOVING_S) + 1, int(end - CARD_S)))
        chapters.append(
            Chapter(
                start, end, replace(scene, pixels=SIDE), thing, where, spoken, city, goods, card
            )
        )
    return Film(f"talk-{seed}-{number:03d}", length, 2, tuple(chapters))
