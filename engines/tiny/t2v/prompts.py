"""Prompts for motions the bundled text-to-video model was never told the names of.

`python -m engines.tiny.t2v.prompts 60 > prompts.jsonl` writes them for an experiment.
"""

import json
import sys

import numpy as np

from engines.tiny.scene import COLOURS, HELD_OUT, SHAPES, SPEEDS
from engines.tiny.t2v.training_set import BACKGROUNDS, UNNAMED
from engines.tiny.wording import GOING, TRAINING, phrase

COMBINATIONS = tuple(
    (shape, colour, background)
    for shape in SHAPES
    for colour in COLOURS
    for background in BACKGROUNDS
)


def prompts(count: int = 60, seed: int = 1) -> list[dict[str, str]]:
    """Rows of a prompts table: its text, the clips to choose among, and what is asked for.

    The motions take turns; a third of the combinations asked for are in no training clip.
    """
    rng = np.random.default_rng([seed, 9])
    held_out = sorted(HELD_OUT & set(COMBINATIONS))
    rows = []
    for index in range(count):
        among = held_out if index % 3 == 2 else COMBINATIONS
        shape, colour, background = among[int(rng.integers(len(among)))]
        asked = {"shape": shape, "colour": colour, "background": background}
        asked |= {"motion": UNNAMED[index % len(UNNAMED)], "speed": SPEEDS[index // 3 % 2]}
        where = f"motion = '{asked['motion']}' and speed = '{asked['speed']}'"
        rows.append({"id": f"{index:03d}", "prompt": _said(rng, asked), "where": where, **asked})
    return rows


def _said(rng: np.random.Generator, asked: dict[str, str]) -> str:
    """A caption of what is asked for, its motion included."""
    while True:
        text = phrase(rng, TRAINING, asked).text
        if any(going in text for going in GOING[asked["motion"]]):
            return text


def main() -> None:
    """Print as many prompts as are asked for, one JSON object a line."""
    for row in prompts(int(sys.argv[1]) if len(sys.argv) > 1 else 60):
        print(json.dumps(row))


if __name__ == "__main__":
    main()
