"""Prompts for motions that no caption of the bundled text-to-video model names, or that some do.

`python -m engines.tiny.t2v.prompts 60 > prompts.jsonl` writes them for an experiment; with
`--taught` those whose every word the model was taught.
"""

import argparse
import json

import numpy as np

from engines.tiny.scene import COLOURS, HELD_OUT, SHAPES, SPEEDS
from engines.tiny.t2v.training_set import BACKGROUNDS, NAMED_MOTIONS, UNNAMED_MOTIONS
from engines.tiny.wording import GOING, TRAINING, write_phrase

COMBINATIONS = tuple(
    (shape, colour, background)
    for shape in SHAPES
    for colour in COLOURS
    for background in BACKGROUNDS
)


def build_prompts(
    count: int = 60, seed: int = 1, motions: tuple[str, ...] = UNNAMED_MOTIONS
) -> list[dict[str, str]]:
    """Rows of a prompts table: text, the clips to choose among, and the attributes expected.

    The motions take turns; every third round of them asks for combinations that are in no training
    clip.
    """
    rng = np.random.default_rng([seed, 9])
    held_out = sorted(HELD_OUT & set(COMBINATIONS))
    rows = []
    for index in range(count):
        # By rounds of the motions, not by `index % 3`: that is a motion, and every held-out prompt
        # would ask for the same one.
        among = held_out if index // len(motions) % 3 == 0 else COMBINATIONS
        shape, colour, background = among[int(rng.integers(len(among)))]
        expected = {"shape": shape, "colour": colour, "background": background}
        expected |= {
            "motion": motions[index % len(motions)],
            "speed": SPEEDS[index // 3 % 2],
        }
        where = f"motion = '{expected['motion']}' and speed = '{expected['speed']}'"
        rows.append(
            {
                "id": f"{index:03d}",
                "prompt": _write_caption(rng, expected),
                "where": where,
                **expected,
            }
        )
    return rows


def _write_caption(rng: np.random.Generator, expected: dict[str, str]) -> str:
    """A caption of the expected attributes, its motion included."""
    # Most wordings leave the motion out at times; draw until one names it.
    while True:
        text = write_phrase(rng, TRAINING, expected).text
        if any(going in text for going in GOING[expected["motion"]]):
            return text


def main() -> None:
    """Prints as many prompts as the first argument says, one JSON object per line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int, nargs="?", default=60)
    parser.add_argument("--taught", action="store_true", help="only words of the captions")
    options = parser.parse_args()
    motions = NAMED_MOTIONS if options.taught else UNNAMED_MOTIONS
    for row in build_prompts(options.count, motions=motions):
        print(json.dumps(row))


if __name__ == "__main__":
    main()
