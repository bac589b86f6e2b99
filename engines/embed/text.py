"""The text half of an embedder, as an engine: prompts in, vectors out."""

from collections.abc import Iterator, Sequence

import numpy as np

from data.outcome import Done, Outcome
from data.records import Prompt
from data.specs.pipeline import EmbedSpec
from engines.base import Needs, plugin
from engines.embed.engine import Embedder


class TextEmbedder:
    """(dim,) float32 vectors of unit length, one per prompt."""

    needs = Needs()

    def __init__(self, spec: EmbedSpec) -> None:
        self.model: Embedder = plugin("embed.models", spec.engine).Embedder(spec)

    def load(self) -> None:
        self.model.load(None, False)

    def run(self, batch: Sequence[Prompt]) -> Iterator[Outcome[np.ndarray]]:
        vectors = self.model.embed_text([prompt.text for prompt in batch])
        vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        for prompt, vector in zip(batch, vectors, strict=True):
            yield Done(prompt.id, vector)

    def close(self) -> None:
        """Nothing to close."""
