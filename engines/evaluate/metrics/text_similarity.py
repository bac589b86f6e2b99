"""How alike a video and its prompt are to the CLIP that the bank is searched with."""

from data.specs.evaluate import EvaluateSpec
from engines.evaluate.protocol import Sample, Score
from engines.evaluate.vision.registry import Models
from engines.pool.methods.mean import pool
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
