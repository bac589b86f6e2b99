"""The folder of a spec's controller, and digests of the models that a spec loads."""

import hashlib
from pathlib import Path

from data.specs.pipeline import GenerateSpec
from engines.bundled import CONTROLLER, CONTROLLERS
from engines.embed.weights import digest_file
from engines.generate.pipelines.digest import PARTS, base_digest, base_folder
from engines.generate.ragme import checkpoint

NONE = "none"


def controller_folder(spec: GenerateSpec) -> Path | None:
    """The controller's folder, by path or bundled name; None for `none`: the base alone."""
    if spec.controller == NONE:
        return None
    name = spec.controller or CONTROLLER
    bundled = "/" not in name and (CONTROLLERS / name).is_dir()
    folder = CONTROLLERS / name if bundled else Path(name)
    checkpoint.find_weights(folder)  # raises now, when planning, rather than on a worker
    return folder


def digests(spec: GenerateSpec) -> dict[str, str]:
    """SHA-256 by content of the base and the controller, the latter "none" if there is none."""
    folder = controller_folder(spec)
    models = {
        "model": base_digest(base_folder(spec.base), *PARTS),
        "controller": NONE if folder is None else _controller_digest(folder),
    }
    # Up to 0.2.0 absent clips were encoded from grey pictures: other videos, so another run.
    return models | ({"absent": "black"} if "absent_as_grey" in spec.rag.compat else {})


def _controller_digest(folder: Path) -> str:
    # config.yaml too: averaging and modes are in no parameter, yet change what is generated.
    files = [checkpoint.find_weights(folder), folder / "config.yaml"]
    parts = [digest_file(str(file)) for file in files if file.exists()]
    # Up to 0.2.0 mode `add` followed the flags of averaging: other videos, so another run.
    parts += ["spatial mean"] if checkpoint.read_mode(folder) == "add" else []
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()
