"""A model without weights: fixed projections of colours and words. Rehearses the whole pipeline."""

import hashlib
from collections.abc import Sequence

import numpy as np

from data.specs.pipeline import EmbedSpec
from engines.embed.hub import Report
from engines.video.frames import Resize

VERSION = "1"
SIZE, DIM = 8, 32


def prepare(spec: EmbedSpec, report: Report) -> None:
    """Nothing to prepare."""


def digest(spec: EmbedSpec) -> str:
    """A constant: there are no weights."""
    return "fake"


class Embedder:
    """Knows nothing of content, but equal pictures get equal vectors and unlike ones unlike."""

    dim = DIM
    resize = Resize(SIZE)
    slow = False

    def __init__(self, spec: EmbedSpec) -> None:
        self._projection = np.random.default_rng(0).standard_normal((3 * SIZE * SIZE, DIM))

    def load(self, threads: int | None = None, compile: bool = False) -> None:
        """Nothing to load."""

    def embed_images(self, pixels: np.ndarray) -> np.ndarray:
        flat = pixels.reshape(len(pixels), -1) / 255 - 0.5
        # Row by row: BLAS may add in another order for another number of rows.
        return np.stack([row @ self._projection for row in flat]).astype(np.float32)

    def embed_text(self, texts: Sequence[str]) -> np.ndarray:
        return np.stack([_embed_words(text) for text in texts]).astype(np.float32)


def _embed_words(text: str) -> np.ndarray:
    # Seeded by a hash of each word, so that texts which share words are similar.
    seeds = [hashlib.sha256(word.encode()).digest()[:8] for word in text.lower().split() or [""]]
    vectors = [np.random.default_rng(int.from_bytes(seed)).standard_normal(DIM) for seed in seeds]
    return np.sum(vectors, axis=0)
