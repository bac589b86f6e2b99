"""Accuracy on the moving-shapes corpus: does the shape look and move as its prompt row says.

Exact for plain backgrounds.
"""

from collections.abc import Mapping
from typing import ClassVar

from data.specs.evaluate import EvaluateSpec
from engines.evaluate.protocol import Sample, Score
from engines.evaluate.vision.registry import ModelRegistry
from engines.tiny.judge import judge_clip

VERSION, LABEL = "1", "Moving shapes"
MODELS = ()
COLUMNS = ("motion", "shape", "colour")


class Metric:
    """Motion and appearance (shape and colour) of each video, right (1) or wrong (0)."""

    better: ClassVar = {"motion": "higher", "appearance": "higher"}

    def __init__(self, spec: EvaluateSpec, models: ModelRegistry) -> None:
        pass

    def score(self, video: Sample) -> dict[str, Score]:
        """Both accuracies; None if the prompt row lacks one of the columns."""
        if missing := [name for name in COLUMNS if name not in video.prompt_row]:
            return dict.fromkeys(self.better, Score(None, f"no {', '.join(missing)} in its prompt"))
        return {name: Score(*verdict) for name, verdict in self._judge(video).items()}

    def _judge(self, video: Sample) -> Mapping[str, tuple[float, str | None]]:
        return judge_clip(video.frames, video.prompt_row)
