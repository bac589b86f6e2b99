"""The folder of a base model in diffusers' layout, and the parts that its index lists."""

import hashlib
import json
from pathlib import Path
from typing import Any

from data.errors import UserError
from engines.bundled import IMAGE_TO_VIDEO, TEXT_TO_VIDEO, is_bundled_base
from engines.generate.pipelines.digest import base_digest

INDEX = "model_index.json"
LIBRARIES = ("diffusers", "transformers")
Parts = dict[str, tuple[str, str]]


def pipeline_folder(base: str | None) -> Path:
    """The folder of a base: a bundled one by its name (None: the first), a path, or of the hub."""
    if base is None or is_bundled_base(base):
        return TEXT_TO_VIDEO
    if base == IMAGE_TO_VIDEO.name:
        return IMAGE_TO_VIDEO
    if Path(base).is_dir():
        return Path(base)
    # What looks like a path is never asked of the hub: a typing error would become a download.
    if base.startswith((".", "/", "~")) or base.count("/") != 1:
        raise UserError(f"no folder {base}: give one that a diffusers pipeline was saved to")
    from diffusers import DiffusionPipeline

    try:
        return Path(DiffusionPipeline.download(base, use_safetensors=True))
    except Exception as error:  # errors of the hub's client, of HTTP, of the disk
        raise UserError(
            f"cannot fetch {base} ({type(error).__name__}): fetch the folder on a machine with"
            " internet and give its path with --model"
        ) from error


def read_index(folder: Path) -> tuple[str, Parts]:
    """The class of a folder's pipeline, and the library and class of each of its parts.

    A UserError for a folder without a pipeline, and for one that would run code of its own.
    """
    try:
        index: dict[str, Any] = json.loads((folder / INDEX).read_text())
        lists = {name: value for name, value in index.items() if isinstance(value, list)}
        parts = {name: (library, kind) for name, (library, kind) in lists.items() if library}
    except (OSError, ValueError, AttributeError) as error:
        raise UserError(
            f"{folder} holds no pipeline: {INDEX} is missing or not readable"
        ) from error
    kind = index.get("_class_name")
    # Any other library is a module in the folder itself, which diffusers would import and run.
    foreign = [name for name, (library, _) in parts.items() if library not in LIBRARIES]
    if not isinstance(kind, str) or foreign:
        what = ", ".join(foreign) or "its pipeline"
        raise UserError(f"{folder} requires custom code for {what}; remote code is not executed")
    return kind, parts


def list_absent(folder: Path) -> list[str]:
    """The parts that a folder's pipeline was saved without, such as a safety checker."""
    index = json.loads((folder / INDEX).read_text())
    return [name for name, value in index.items() if value == [None, None]]


def pipeline_digest(folder: Path) -> str:
    """SHA-256 over the class of a folder's pipeline and the files of its parts."""
    kind, parts = read_index(folder)
    return hashlib.sha256(f"{kind} {base_digest(folder, *sorted(parts))}".encode()).hexdigest()
