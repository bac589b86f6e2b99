"""The models of one worker, shared by its metrics, each loaded once."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from data.errors import UserError
from data.specs.evaluate import EvaluateSpec
from engines.base import plugin
from engines.embed.weights import file_digest


class Models:
    """Each model of `engines/evaluate/models`, loaded when first asked for.

    A module there has `FILE`, the name its weights are published under (None: it needs none),
    `FETCH`, the line that fetches them, and `load(spec, file)`.
    """

    def __init__(self, spec: EvaluateSpec) -> None:
        self.spec = spec
        self._loaded: dict[str, Any] = {}

    def get(self, name: str) -> Any:
        """The model, as its module's `load` gives it. A UserError without its weights."""
        if name not in self._loaded:
            if said := absent(self.spec, name):
                raise UserError(said)
            file = self.spec.weights.get(name)
            self._loaded[name] = plugin("evaluate.models", name).load(self.spec, file)
        return self._loaded[name]


def absent(spec: EvaluateSpec, name: str) -> str | None:
    """Why a model cannot be loaded, with the line that fetches its weights; None where it can."""
    module = plugin("evaluate.models", name)
    if module.FILE is None:
        return None
    file = spec.weights.get(name)
    if file is None:
        return f"no weights of {name} ({module.FILE}): {module.FETCH}"
    return None if Path(file).exists() else f"no file {file} for {name}: {module.FETCH}"


def digests(spec: EvaluateSpec, names: Iterable[str]) -> dict[str, str]:
    """SHA-256 of each model's weights, by name, for those that are there."""
    there = (name for name in sorted(set(names)) if absent(spec, name) is None)
    return {name: _digest(spec, name) for name in there}


def _digest(spec: EvaluateSpec, name: str) -> str:
    module = plugin("evaluate.models", name)
    if module.FILE is None:
        return module.digest(spec) if hasattr(module, "digest") else ""
    return file_digest(spec.weights[name])


def found(folder: str, names: Iterable[str]) -> dict[str, str]:
    """The weights that lie in a folder under their published names, by model."""
    files = {name: plugin("evaluate.models", name).FILE for name in names}
    paths = {name: Path(folder) / file for name, file in files.items() if file}
    return {name: str(path) for name, path in paths.items() if path.exists()}
