"""The CLIP that a corpus is searched with: any `engines/embed` model, bundled or published."""

from data.specs.evaluate import EvaluateSpec
from engines.base import plugin
from engines.embed.engine import Embedder

FILE = None  # the embed engine finds its own
FETCH = ""


def load(spec: EvaluateSpec, file: str | None) -> Embedder:
    """The embedder of `spec.clip`, loaded."""
    model: Embedder = plugin("embed.models", spec.clip.engine).Embedder(spec.clip)
    model.load(None, compile=False)
    return model


def digest(spec: EvaluateSpec) -> str:
    """The digest of its weights."""
    return plugin("embed.models", spec.clip.engine).digest(spec.clip)
