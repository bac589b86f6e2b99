"""The text half of an embedder, as an engine: prompts in, vectors out."""

from collections.abc import Iterator, Sequence

import numpy as np

from data.outcome import Done, Outcome
from data.records import Prompt
from data.specs.pipeline import EmbedSpec
from engines.base import Needs, load_plugin
from engines.embed.engine import Embedder


def to_unit_length(vectors: np.ndarray) -> np.ndarray:
    """The vectors (n, dim) divided by their lengths, as searches take them."""
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


class TextEmbedder:
    """(dim,) float32 vectors as the model encodes them, one per prompt: not of unit length."""

    needs = Needs()

    def __init__(self, spec: EmbedSpec) -> None:
        self.model: Embedder = load_plugin("embed.models", spec.engine).Embedder(spec)

    def load(self) -> None:
        """Loads the model, not compiled: a handful of prompts would not earn the time back."""
        self.model.load(None, False)

    def run(self, batch: Sequence[Prompt]) -> Iterator[Outcome[np.ndarray]]:
        """One outcome per prompt, in order."""
        vectors = self.model.embed_text([prompt.text for prompt in batch])
        for prompt, vector in zip(batch, vectors, strict=True):
            yield Done(prompt.id, vector)

    def close(self) -> None:
        """Nothing to close."""
