"""The frozen base of a controller: a pipeline in ZeroScope's folder layout."""

import hashlib
from pathlib import Path

from data.errors import UserError
from engines.bundled import TEXT_TO_VIDEO
from engines.embed.weights import file_digest

PARTS = ("scheduler", "tokenizer", "text_encoder", "vae", "unet")


def base_folder(base: str | None) -> Path:
    """The folder that a base names, None being the bundled one; a UserError where parts lack."""
    folder = Path(base) if base else TEXT_TO_VIDEO
    lacking = [part for part in PARTS if not (folder / part).is_dir()]
    if lacking:
        raise UserError(
            f"{folder} is no text-to-video pipeline in ZeroScope's layout: it has no folder"
            f" {', '.join(lacking)}"
        )
    return folder


def base_digest(folder: Path, *parts: str) -> str:
    """SHA-256 over the files of a pipeline's parts, by name and content."""
    files = sorted(file for part in parts for file in (folder / part).rglob("*") if file.is_file())
    said = [f"{file.relative_to(folder)} {file_digest(str(file))}" for file in files]
    return hashlib.sha256("\n".join(said).encode()).hexdigest()
