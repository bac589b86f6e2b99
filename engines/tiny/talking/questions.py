"""Questions about a talking film, in Video-MME's own format, each answerable from one source.

Wrong options are of the same film wherever the right one is, so that a question is not answered by
which words occur.
"""

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

import numpy as np

from engines.tiny.scene import COLOURS, SHAPES
from engines.tiny.talking.plan import Chapter, Film

LETTERS = "ABCD"
DOMAINS = ("Lost Property", "Ferries", "Exhibitions")
Draft = tuple[str, str, list[str]]  # question, right option, wrong options
Maker = Callable[[np.random.Generator, Film], Draft]


def build_entry(seed: int, number: int, film: Film, voice: bool = True) -> dict[str, Any]:
    """A film's entry in the file of questions; without a voice, none about what is said.

    `needs` of a question is beyond the published format: where its answer is.
    """
    rng = np.random.default_rng([seed, 12, number])
    questions = []
    for place, (needs, task_type, make) in enumerate(KINDS, start=1):
        text, right, wrong = make(rng, film)
        options = [str(each) for each in rng.permutation([right, *wrong])]
        if needs == "speech" and not voice:
            continue
        questions.append(
            {
                "question_id": f"{number + 1:03d}-{place}",
                "task_type": task_type,
                "question": text,
                "options": [f"{a}. {each}" for a, each in zip(LETTERS, options, strict=True)],
                "answer": LETTERS[options.index(right)],
                "response": "",
                "needs": needs,
            }
        )
    return {
        "video_id": f"{number + 1:03d}",
        "duration": film.length,
        "domain": DOMAINS[number % len(DOMAINS)],
        "sub_category": "Talking Shapes",
        "url": film.name,
        "questions": questions,
    }


def _ask_spoken(rng: np.random.Generator, film: Film) -> Draft:
    right, *wrong = _draw(rng, film.chapters, 4)
    text = f"According to the speaker, where was the {right.thing} left?"
    return text, right.place, [each.place for each in wrong]


def _ask_which_thing(rng: np.random.Generator, film: Film) -> Draft:
    right, *wrong = _draw(rng, film.chapters, 4)
    text = f"What does the speaker say was left {right.place}?"
    return text, f"the {right.thing}", [f"the {each.thing}" for each in wrong]


def _ask_written(rng: np.random.Generator, film: Film) -> Draft:
    right, *wrong = _draw(rng, film.chapters, 4)
    text = f"As written on the screen, what does the ferry to {right.city} carry?"
    return text, right.goods, [each.goods for each in wrong]


def _ask_shown(rng: np.random.Generator, film: Film) -> Draft:
    shown = {(each.scene.colour, each.scene.shape) for each in film.chapters}
    # Of what the film does not show: one of its own shapes would be right, too.
    other = [pair for pair in product(COLOURS, SHAPES) if pair not in shown]
    wrong = [other[n] for n in rng.permutation(len(other))[:3]]
    [right] = _draw(rng, film.chapters, 1)
    text = "Which of these is shown in the video?"
    return text, right.shape, [_name(*pair) for pair in wrong]


def _ask_first(rng: np.random.Generator, film: Film) -> Draft:
    right, *wrong = _draw(rng, film.chapters, 4, ordered=True)
    text = "Which of these is shown first in the video?"
    return text, right.shape, [each.shape for each in wrong]


def _ask_unknown(rng: np.random.Generator, film: Film) -> Draft:
    """A control: nothing in the film answers it."""
    names = ("Alice", "Bruno", "Carla", "David", "Elena", "Frank", "Greta", "Hugo")
    right, *wrong = [names[n] for n in rng.permutation(len(names))[:4]]
    return "What is the name of the person who made this video?", right, wrong


def _draw(
    rng: np.random.Generator, chapters: Sequence[Chapter], count: int, ordered: bool = False
) -> list[Chapter]:
    places = rng.permutation(len(chapters))[:count]
    return [chapters[n] for n in (np.sort(places) if ordered else places)]


def _name(colour: str, shape: str) -> str:
    return f"{'an' if colour[0] in 'aeiou' else 'a'} {colour} {shape}"


# What a question's answer is in, and its task type, in Video-MME's words.
KINDS: tuple[tuple[str, str, Maker], ...] = (
    ("speech", "Information Synopsis", _ask_spoken),
    ("speech", "Object Reasoning", _ask_which_thing),
    ("screen", "OCR Problems", _ask_written),
    ("pictures", "Object Recognition", _ask_shown),
    ("order", "Temporal Perception", _ask_first),
    ("nothing", "Action Reasoning", _ask_unknown),
)
