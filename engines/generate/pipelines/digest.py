"""The frozen base of a controller: its folder in ZeroScope's layout, and a digest of its parts."""

import hashlib
from pathlib import Path

from data.errors import UserError
from engines.bundled import TEXT_TO_VIDEO, is_bundled_base
from engines.embed.weights import digest_file

PARTS = ("scheduler", "tokenizer", "text_encoder", "vae", "unet")


def base_folder(base: str | None) -> Path:
    """The folder of a base; None or its name is the bundled one. A UserError without its parts."""
    folder = TEXT_TO_VIDEO if not base or is_bundled_base(base) else Path(base)
    missing = [part for part in PARTS if not (folder / part).is_dir()]
    if missing:
        raise UserError(
            f"{folder} is not a text-to-video pipeline in ZeroScope's layout: folders missing:"
            f" {', '.join(missing)}"
        )
    return folder


def base_digest(folder: Path, *parts: str) -> str:
    """SHA-256 over the files of a pipeline's parts, by name and content."""
    files = sorted(file for part in parts for file in (folder / part).rglob("*") if file.is_file())
    # Names relative to the folder: a copy of it elsewhere is the same base.
    lines = [f"{file.relative_to(folder)} {digest_file(str(file))}" for file in files]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
