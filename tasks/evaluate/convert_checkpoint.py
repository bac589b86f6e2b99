"""Checkpoints of models."""

from pathlib import Path

from engines.evaluate.vision.convert import convert


def convert_checkpoint(file: str, out: str) -> dict[str, str | int]:
    """Writes the plain weights of a pickled module; says where they lie and how many."""
    tensors = convert(file, out)
    return {"weights": str(Path(out)), "tensors": tensors}
