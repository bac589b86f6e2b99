"""How alike a video and its prompt are to the CLIP that the bank is searched with."""

from collections.abc import Mapping

import numpy as np

from data.specs import EmbedSpec
from engines.base import plugin
from engines.evaluation import Score
from engines.pooling.mean import pool
from engines.video.resize import resize

VERSION = "1"


class Metric:
    """The cosine of the prompt's vector and the video's: unit frame vectors, averaged."""

    better = {"text_similarity": "higher"}  # noqa: RUF012

    def __init__(self, clip: EmbedSpec) -> None:
        self.model = plugin("embed", clip.engine).Embedder(clip)

    def load(self, threads: int | None) -> None:
        """Loads the CLIP."""
        self.model.load(threads, compile=False)

    def score(self, frames: np.ndarray, asked: Mapping[str, str]) -> dict[str, Score]:
        """One cosine; `asked` has the prompt's text."""
        pictures = resize(frames, self.model.resize)
        seen, said = (
            pool(self.model.embed_images(pictures)),
            self.model.embed_text([asked["prompt"]]),
        )
        return {"text_similarity": Score(float(seen @ pool(said)))}
