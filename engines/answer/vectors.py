"""Vectors of questions, options and texts, each text encoded once a batch."""

import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from data.records import Prompt
from data.specs.encode import EncodeSpec
from data.specs.pipeline import EmbedSpec
from engines.answer.items import TextPart
from engines.answer.retrieval import OpenPart
from engines.base import load_plugin
from engines.embed.text import TextEmbedder
from engines.retrieve.text_rules import normalise

Vectors = Mapping[str, np.ndarray]


class Encoders:
    """The sentence encoders of a worker, loaded when first needed; one thread at a time."""

    def __init__(self) -> None:
        self._loaded: dict[EncodeSpec, Any] = {}
        self._numbers: dict[EncodeSpec, int] = {}
        self._lock = threading.Lock()

    def open_part(self, part: TextPart) -> OpenPart:
        """The texts with their vectors: stored ones, else encoded here."""
        with self._lock:  # two threads would give one number to two encoders
            number = self._numbers.setdefault(part.encode, len(self._numbers))
        vectors = part.vectors
        if vectors is None:
            vectors = normalise(self._encode(part.encode, [each.text for each in part.texts]))
        return OpenPart(part.video, part.texts, vectors.astype(np.float32), number)

    def encode_queries(self, texts: Iterable[str]) -> list[Vectors]:
        """Vectors of the texts as the encoders give them, by text, for each encoder in use."""
        unique = list(dict.fromkeys(texts))
        with self._lock:
            specs = list(self._numbers)
        return [
            dict(zip(unique, self._encode(spec, unique), strict=True) if unique else ())
            for spec in specs
        ]

    def _encode(self, spec: EncodeSpec, texts: Sequence[str]) -> np.ndarray:
        with self._lock:
            if spec not in self._loaded:
                encoder = load_plugin("retrieve.encoders", spec.encoder).Encoder(spec)
                encoder.load()
                self._loaded[spec] = encoder
            return self._loaded[spec].encode(texts)


class FrameQueries:
    """Texts as vectors of the model that the corpus's frames were embedded by."""

    def __init__(self, spec: EmbedSpec) -> None:
        self._embedder = TextEmbedder(spec)
        self._is_loaded = False
        self._lock = threading.Lock()

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """(n, dim) float32 of unit length; zeros stay zeros."""
        with self._lock:
            if not self._is_loaded:
                self._embedder.load()
                self._is_loaded = True
            prompts = [Prompt(str(n), text) for n, text in enumerate(texts)]
            vectors = [outcome.value for outcome in self._embedder.run(prompts)]  # type: ignore[union-attr]
        return normalise(np.stack(vectors))  # words that nobody knows may be zeros
