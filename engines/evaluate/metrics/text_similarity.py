"""Similarity of a video and its prompt by the CLIP model that the corpus is searched with."""

import numpy as np

from data.specs.evaluate import EvaluateSpec
from engines.evaluate.protocol import Sample, Score
from engines.evaluate.vision.registry import ModelRegistry
from engines.pool.methods.mean import pool
from engines.video.resize import resize_pictures

VERSION, LABEL = "2", "Text similarity"
MODELS = ("bank_clip",)
BATCH = 64  # frames that the model gets at once; fixed, as last bits depend on it


class Metric:
    """The cosine of the prompt's vector and the video's, the mean of its unit frame vectors."""

    better = {"text_similarity": "higher"}  # noqa: RUF012

    def __init__(self, spec: EvaluateSpec, models: ModelRegistry) -> None:
        self.models = models

    def score(self, video: Sample) -> dict[str, Score]:
        """The cosine; None if the prompt row has no `prompt`."""
        if not video.prompt_row.get("prompt"):
            return {"text_similarity": Score(None, "no prompt")}
        model = self.models.get("bank_clip")
        # Resized and pooled as the embed stage does it, so that values compare with search scores.
        # In batches of a fixed size: a long video must not fill the memory that short ones fit in.
        parts = [
            model.embed_images(resize_pictures(video.frames[start : start + BATCH], model.resize))
            for start in range(0, len(video.frames), BATCH)
        ]
        frames = pool(np.concatenate(parts))
        text = pool(model.embed_text([video.prompt_row["prompt"]]))
        return {"text_similarity": Score(float(frames @ text))}
