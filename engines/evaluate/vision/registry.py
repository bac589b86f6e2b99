"""The registry of a worker's evaluation models: each is loaded once and shared by the metrics."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from data.errors import UserError
from data.specs.evaluate import EvaluateSpec
from engines.base import load_plugin
from engines.embed.weights import digest_file
from engines.weights_file import open_weights


class ModelRegistry:
    """Loads the models of `engines/evaluate/models` at first use.

    A model plugin has `FILE`, the published name of its weights (None if it needs none), `FETCH`,
    the command that downloads them, and `load(spec, file)`.
    """

    def __init__(self, spec: EvaluateSpec) -> None:
        self.spec = spec
        self._loaded: dict[str, Any] = {}

    def get(self, name: str) -> Any:
        """The model that the plugin's `load` returns; raises UserError if weights are missing."""
        if name not in self._loaded:
            if reason := explain_missing_weights(self.spec, name):
                raise UserError(reason)
            file = self.spec.weights.get(name)
            with open_weights(file):
                self._loaded[name] = load_plugin("evaluate.models", name).load(self.spec, file)
        return self._loaded[name]


def explain_missing_weights(spec: EvaluateSpec, name: str) -> str | None:
    """Why a model's weights are missing and the command that fetches them; None if they exist."""
    module = load_plugin("evaluate.models", name)
    if module.FILE is None:
        return None
    file = spec.weights.get(name)
    if file is None:
        return f"no weights for {name} ({module.FILE}): {module.FETCH}"
    return None if Path(file).is_file() else f"no such file {file} for {name}: {module.FETCH}"


def compute_digests(spec: EvaluateSpec, names: Iterable[str]) -> dict[str, str]:
    """The SHA-256 of each model's weights by name, for the weights that exist."""
    present = (name for name in sorted(set(names)) if explain_missing_weights(spec, name) is None)
    return {name: _compute_digest(spec, name) for name in present}


def _compute_digest(spec: EvaluateSpec, name: str) -> str:
    module = load_plugin("evaluate.models", name)
    # A model without a file of its own may know the digest of what it loads (`bank_clip`).
    if module.FILE is None:
        return module.digest(spec) if hasattr(module, "digest") else ""
    return digest_file(spec.weights[name])


def find_weights(folder: str, names: Iterable[str]) -> dict[str, str]:
    """The paths of weights in a folder by model; files must have their published names."""
    files = {name: load_plugin("evaluate.models", name).FILE for name in names}
    paths = {name: Path(folder) / file for name, file in files.items() if file}
    return {name: str(path) for name, path in paths.items() if path.exists()}
