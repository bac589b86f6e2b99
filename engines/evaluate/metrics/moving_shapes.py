"""Whether a shape is, and moves, as the prompt's row says; exact, for plain backgrounds."""

from data.errors import UserError
from data.specs.evaluate import EvaluateSpec
from engines.evaluate.protocol import Sample, Score
from engines.evaluate.vision.registry import Models
from engines.tiny.judge import judge

VERSION, LABEL = "1", "Moving shapes"
MODELS = ()
ASKED = ("motion", "shape", "colour")


class Metric:
    """Accuracies of motion and of appearance (shape and colour): 1 or 0 for each video."""

    better = {"motion": "higher", "appearance": "higher"}  # noqa: RUF012

    def __init__(self, spec: EvaluateSpec, models: Models) -> None:
        pass

    def score(self, video: Sample) -> dict[str, Score]:
        """A UserError where the row does not say what is asked for."""
        if absent := [name for name in ASKED if name not in video.asked]:
            raise UserError(
                f"moving_shapes needs columns {', '.join(ASKED)} in the prompts, it lacks"
                f" {', '.join(absent)}: add them, or measure text_similarity"
            )
        return {name: Score(*said) for name, said in judge(video.frames, video.asked).items()}
