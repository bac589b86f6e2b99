"""Which folder a spec's controller lies in, and the digests of what a spec loads."""

import hashlib
from pathlib import Path

from data.specs.pipeline import GenerateSpec
from engines.bundled import CONTROLLER, CONTROLLERS
from engines.embed.weights import file_digest
from engines.generate.pipelines.digest import PARTS, base_digest, base_folder
from engines.generate.ragme import checkpoint

NONE = "none"


def controller_folder(spec: GenerateSpec) -> Path | None:
    """The controller's, by path or bundled name; None where the spec says `none`: only the base."""
    if spec.controller == NONE:
        return None
    name = spec.controller or CONTROLLER
    bundled = "/" not in name and (CONTROLLERS / name).is_dir()
    folder = CONTROLLERS / name if bundled else Path(name)
    checkpoint.weights(folder)  # says so where there are none
    return folder


def digests(spec: GenerateSpec) -> dict[str, str]:
    """SHA-256 of what is loaded, by content: the base, and the controller, "none" for none."""
    folder = controller_folder(spec)
    return {
        "model": base_digest(base_folder(spec.base), *PARTS),
        "controller": NONE if folder is None else _digest(folder),
    }


def _digest(folder: Path) -> str:
    files = [checkpoint.weights(folder), folder / "config.yaml"]
    said = [file_digest(str(file)) for file in files if file.exists()]
    return hashlib.sha256(" ".join(said).encode()).hexdigest()
