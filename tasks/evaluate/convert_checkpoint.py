"""Converts published checkpoints to plain weights."""

from pathlib import Path

from engines.evaluate.vision.convert import extract_weights


def convert_checkpoint(file: str, out: str) -> dict[str, str | int]:
    """Writes the weights of a checkpoint as a plain file; its path and how many tensors."""
    tensors = extract_weights(file, out)
    return {"weights": str(Path(out)), "tensors": tensors}
