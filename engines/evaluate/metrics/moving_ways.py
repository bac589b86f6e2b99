"""Accuracy on shapes that go eight ways: does the shape go, and look, as its prompt row says.

Exact for plain backgrounds.
"""

from data.specs.evaluate import EvaluateSpec
from engines.evaluate.protocol import Sample, Score
from engines.evaluate.vision.registry import ModelRegistry
from engines.tiny.i2v.heading import find_motion
from engines.tiny.judge import judge_clip

VERSION, LABEL = "1", "Eight ways"
MODELS = ()
COLUMNS = ("motion", "shape", "colour")


class Metric:
    """Heading and appearance (shape and colour) of each video, right (1) or wrong (0)."""

    better = {"heading": "higher", "appearance": "higher"}  # noqa: RUF012

    def __init__(self, spec: EvaluateSpec, models: ModelRegistry) -> None:
        pass

    def score(self, video: Sample) -> dict[str, Score]:
        """Both accuracies; None if the prompt row lacks one of the columns."""
        if missing := [name for name in COLUMNS if name not in video.prompt_row]:
            return dict.fromkeys(self.better, Score(None, f"no {', '.join(missing)} in its prompt"))
        looks = judge_clip(video.frames, video.prompt_row)["appearance"]
        way, wanted = find_motion(video.frames) or "nothing seen", video.prompt_row["motion"]
        heading = Score(1.0, None) if way == wanted else Score(0.0, f"{way} instead of {wanted}")
        return {"heading": heading, "appearance": Score(*looks)}
