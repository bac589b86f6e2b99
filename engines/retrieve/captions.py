"""The caption-vectors stage's engine: captions become unit vectors, each by itself."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

import numpy as np

from data.outcome import Done, Failed, Outcome
from data.specs.encode import EncodeSpec
from engines.base import Needs, load_plugin
from engines.retrieve.text_rules import normalise

DIGITS = 16  # of a caption's digest, as changed_captions.sql compares it


@dataclass(frozen=True, slots=True)
class Caption:
    """A caption to encode, under the id of its video; None where the video has none."""

    id: str
    text: str | None


@dataclass(frozen=True, slots=True)
class CaptionVector:
    """A unit vector (dim,) float32, the seconds that the encoder took, and the caption's digest."""

    vector: np.ndarray
    model_s: float
    caption: str


class CaptionEncoder:
    """Encodes captions by a spec's encoder."""

    needs = Needs()

    def __init__(self, spec: EncodeSpec) -> None:
        self.spec = spec

    def load(self) -> None:
        """Loads the encoder."""
        self._encoder = load_plugin("retrieve.encoders", self.spec.encoder).Encoder(self.spec)
        self._encoder.load()

    def run(self, batch: Sequence[Caption]) -> Iterator[Outcome[CaptionVector]]:
        """One outcome per caption; `empty` where there is none, whose vector would mean nothing."""
        for caption in batch:
            if not (caption.text or "").strip():
                yield Failed(caption.id, "empty", "it has no caption")
                continue
            started = time.perf_counter()
            # One by one: neighbours in a padded batch change the last bits.
            [vector] = normalise(self._encoder.encode([caption.text]))
            if not np.isfinite(vector).all():
                yield Failed(caption.id, "rejected", "the vector of its caption is not finite")
                continue
            spent = time.perf_counter() - started
            digest = sha256(str(caption.text).encode()).hexdigest()[:DIGITS]
            yield Done(caption.id, CaptionVector(vector.astype(np.float32), spent, digest))

    def close(self) -> None:
        """Nothing to close."""
