"""Whether a shape is, and moves, as the prompt's row says; exact, for plain backgrounds."""

from collections.abc import Mapping

import numpy as np

from data.errors import UserError
from data.specs import EmbedSpec
from engines.evaluation import Score
from engines.tiny.judge import judge

VERSION = "1"
ASKED = ("motion", "shape", "colour")


class Metric:
    """Accuracies of motion and of appearance (shape and colour): 1 or 0 for each video."""

    better = {"motion": "higher", "appearance": "higher"}  # noqa: RUF012

    def __init__(self, clip: EmbedSpec) -> None:
        pass

    def load(self, threads: int | None) -> None:
        """Nothing is to be loaded."""

    def score(self, frames: np.ndarray, asked: Mapping[str, str]) -> dict[str, Score]:
        """A UserError where the row does not say what is asked for."""
        if absent := [name for name in ASKED if name not in asked]:
            raise UserError(
                f"moving_shapes needs columns {', '.join(ASKED)} in the prompts, it lacks"
                f" {', '.join(absent)}: add them, or measure text_similarity"
            )
        return {name: Score(*found) for name, found in judge(frames, asked).items()}
