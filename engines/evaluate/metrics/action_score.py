"""MotionRAG's Action score (arXiv 2509.26391): the same action as the real clip's?

The network is the one that describes motion to MotionRAG: see `flow_agreement` for one that is not.
"""

from data.specs.evaluate import EvaluateSpec
from engines.evaluate.models.videomae_ssv2 import score_logits
from engines.evaluate.protocol import MissingReference, Sample, Score
from engines.evaluate.vision.registry import ModelRegistry

VERSION, LABEL = "1", "Action"
MODELS = ("videomae_ssv2",)


class Metric:
    """100 cos of VideoMAE-SSv2's logits of the video and of the real clip (motionrag.md, 6.1)."""

    better = {"action_score": "higher"}  # noqa: RUF012

    def __init__(self, spec: EvaluateSpec, models: ModelRegistry) -> None:
        self.models = models

    def score(self, video: Sample) -> dict[str, Score]:
        """The score; None without a real clip."""
        try:
            return {"action_score": Score(score_logits(video, self.models.get("videomae_ssv2")))}
        except MissingReference as missing:
            return {"action_score": Score(None, str(missing))}
