"""How alike a video and its prompt are to the CLIP that the bank is searched with."""

from data.evaluate_specs import EvaluateSpec
from engines.evaluation import Sample, Score
from engines.perception.models import Models
from engines.pooling.mean import pool
from engines.video.resize import resize

VERSION, LABEL = "1", "Text similarity"
MODELS = ("bank_clip",)


class Metric:
    """The cosine of the prompt's vector and the video's: unit frame vectors, averaged."""

    better = {"text_similarity": "higher"}  # noqa: RUF012

    def __init__(self, spec: EvaluateSpec, models: Models) -> None:
        self.models = models

    def score(self, video: Sample) -> dict[str, Score]:
        """One cosine; `asked` has the prompt's text."""
        if not video.asked.get("prompt"):
            return {"text_similarity": Score(None, "no prompt")}
        model = self.models.get("bank_clip")
        seen = pool(model.embed_images(resize(video.frames, model.resize)))
        said = pool(model.embed_text([video.asked["prompt"]]))
        return {"text_similarity": Score(float(seen @ said))}
