"""Folders of models that lack something."""

from pathlib import Path
from shutil import copytree

from safetensors.torch import load_file, save_file


def drop_weight(folder: Path, target: Path) -> tuple[Path, str]:
    """A copy whose weights lack one, and that weight's name."""
    copytree(folder, target)
    file = target / "model.safetensors"
    weights = load_file(file)
    name = max(key for key in weights if "encoder" in key or "layers" in key)
    del weights[name]
    save_file(weights, file, {"format": "pt"})
    return target, name
