"""TorchScript files: networks with code of their own, run only if their SHA-256 is known."""

import zipfile
from typing import Any

from data.errors import UserError
from data.specs.distance import ClipSpec


def load_script(spec: ClipSpec, device: str) -> Any | None:
    """The network of a TorchScript file; None if the spec's weights are not TorchScript."""
    import torch

    assert spec.weights is not None
    if not _is_torchscript(spec.weights):
        return None
    return torch.jit.load(spec.weights, map_location=device).eval()


def reject_unknown_script(spec: ClipSpec) -> None:
    """Raises UserError if the weights are TorchScript and the spec has no SHA-256 for them."""
    if spec.weights and spec.sha256 is None and _is_torchscript(spec.weights):
        raise UserError(
            f"{spec.weights} is TorchScript, which runs code: if you trust it, pass its known"
            " SHA-256 with --sha256"
        )


def _is_torchscript(file: str) -> bool:
    """Whether the file is a zip archive with code in it."""
    if not zipfile.is_zipfile(file):
        return False
    with zipfile.ZipFile(file) as archive:
        return any("/code/" in f"/{name}" for name in archive.namelist())
