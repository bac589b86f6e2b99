"""The CLIP model that a corpus is searched with: any `engines/embed` model."""

from data.specs.evaluate import EvaluateSpec
from engines.base import load_plugin
from engines.embed.engine import Embedder

FILE = None  # the embed engine finds its own weights
FETCH = ""


def load(spec: EvaluateSpec, file: str | None) -> Embedder:
    """The loaded embedder of `spec.clip`."""
    model: Embedder = load_plugin("embed.models", spec.clip.engine).Embedder(spec.clip)
    model.load(None, compile=False)
    return model


def digest(spec: EvaluateSpec) -> str:
    """The digest of the embedder's weights."""
    return load_plugin("embed.models", spec.clip.engine).digest(spec.clip)
