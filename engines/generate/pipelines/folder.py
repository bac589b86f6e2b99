"""The folder that a base model lies in, and what its index says is there."""

import hashlib
import json
from pathlib import Path
from typing import Any

from data.errors import UserError
from engines.bundled import TEXT_TO_VIDEO
from engines.generate.pipelines.digest import base_digest

INDEX = "model_index.json"
LIBRARIES = ("diffusers", "transformers")
Parts = dict[str, tuple[str, str]]


def pipeline_folder(base: str | None) -> Path:
    """Where a base lies: the bundled one (None), a folder, or what a hub has under the name."""
    if base is None:
        return TEXT_TO_VIDEO
    if Path(base).is_dir():
        return Path(base)
    if base.startswith((".", "/", "~")) or base.count("/") != 1:
        raise UserError(f"no folder {base}: give one that a diffusers pipeline was saved to")
    from diffusers import DiffusionPipeline

    try:
        return Path(DiffusionPipeline.download(base, use_safetensors=True))
    except Exception as error:  # whatever the way to the hub is paved with
        raise UserError(
            f"cannot fetch {base} ({type(error).__name__}): fetch the folder on a machine with"
            " internet and give its path with --model"
        ) from error


def index(folder: Path) -> tuple[str, Parts]:
    """The class of a folder's pipeline, and the library and class of each of its parts.

    A UserError for a folder that is none, and for one that wants code of its own to be run.
    """
    try:
        said: dict[str, Any] = json.loads((folder / INDEX).read_text())
        named = {name: value for name, value in said.items() if isinstance(value, list)}
        parts = {name: (library, kind) for name, (library, kind) in named.items() if library}
    except (OSError, ValueError, AttributeError) as error:
        raise UserError(
            f"{folder} holds no pipeline: {INDEX} is not there or not readable"
        ) from error
    kind = said.get("_class_name")
    foreign = [name for name, (library, _) in parts.items() if library not in LIBRARIES]
    if not isinstance(kind, str) or foreign:
        what = ", ".join(foreign) or "its pipeline"
        raise UserError(f"{folder} wants code of its own to be run for {what}: refused")
    return kind, parts


def pipeline_digest(folder: Path) -> str:
    """SHA-256 over the class of a folder's pipeline and the files of its parts."""
    kind, parts = index(folder)
    return hashlib.sha256(f"{kind} {base_digest(folder, *sorted(parts))}".encode()).hexdigest()
