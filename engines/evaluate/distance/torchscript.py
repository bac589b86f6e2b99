"""TorchScript files: networks that bring their own code, run only where their digest is known."""

import zipfile
from typing import Any

from data.errors import UserError
from data.specs.distance import ClipSpec


def scripted(spec: ClipSpec, device: str) -> Any | None:
    """The network of a TorchScript file; None where the spec's weights are no such file."""
    import torch

    assert spec.weights is not None
    if not _is_script(spec.weights):
        return None
    return torch.jit.load(spec.weights, map_location=device).eval()


def refuse_unknown(spec: ClipSpec) -> None:
    """A UserError where the weights are a script and the spec does not say its SHA-256."""
    if spec.weights and spec.sha256 is None and _is_script(spec.weights):
        raise UserError(
            f"{spec.weights} is TorchScript, whose code is run: give the SHA-256 that you know"
            " it has with --sha256"
        )


def _is_script(file: str) -> bool:
    """Whether the file is an archive with code in it."""
    if not zipfile.is_zipfile(file):
        return False
    with zipfile.ZipFile(file) as archive:
        return any("/code/" in f"/{name}" for name in archive.namelist())
