"""The text tower of an open_clip model: captions lie where the corpus's videos do."""

from collections.abc import Sequence

import numpy as np
from pydantic import ValidationError

from data.errors import UserError
from data.specs.encode import EncodeSpec
from data.specs.pipeline import EmbedSpec
from engines.embed.models import open_clip

VERSION = "1"


def digest(spec: EncodeSpec) -> str:
    """The digest of the model's weights; a UserError where no model is named."""
    return open_clip.digest(to_embed_spec(spec))


def to_embed_spec(spec: EncodeSpec) -> EmbedSpec:
    """The model that an encoder's weights name: `MODEL`, `MODEL:WEIGHTS`, `MODEL:WEIGHTS@gelu`."""
    if not spec.weights:
        raise UserError(
            "the encoder clip needs a corpus that is embedded, or --encoder-weights MODEL:WEIGHTS"
        )
    named, _, activation = spec.weights.partition("@")
    model, _, weights = named.partition(":")
    fields = {"model": model, "weights": weights or None, "activation": activation or "auto"}
    try:
        return EmbedSpec.model_validate(fields | {"precision": "fp32"})
    except ValidationError as error:
        raise UserError(f"{spec.weights} names no model: write MODEL:WEIGHTS") from error


def name_weights(spec: EmbedSpec) -> str:
    """How an encoder names an embed stage's model; a UserError for one without a text tower."""
    if spec.engine != "open_clip":
        raise UserError(f"--encoder clip is of open_clip's models: {spec.engine} is none")
    named = f"{spec.model}:{spec.weights}" if spec.weights else spec.model
    return named if spec.activation == "auto" else f"{named}@{spec.activation}"


class Encoder:
    """Computes in float32, whatever the videos were embedded in."""

    def __init__(self, spec: EncodeSpec) -> None:
        self.spec = spec

    def load(self) -> None:
        """Loads the model."""
        self._model = open_clip.Embedder(to_embed_spec(self.spec))
        self._model.load()

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """(n, dim) float32; of a text, as many tokens as the model reads: 77 of most."""
        return self._model.embed_text(texts)
