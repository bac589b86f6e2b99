"""Loads models of diffusers and transformers from folders: strictly, from safetensors only."""

from pathlib import Path
from typing import Any

from data.errors import UserError
from engines.memory import is_out_of_memory
from engines.weights_file import check_weights_file


def load_pretrained(kind: Any, folder: Path, **options: Any) -> Any:
    """A model in a folder, frozen; a UserError names missing and mismatched parameters."""
    for file in sorted(folder.glob("*.safetensors")):
        check_weights_file(file)
    try:
        part, info = kind.from_pretrained(
            folder, use_safetensors=True, local_files_only=True, output_loading_info=True, **options
        )
    except Exception as error:  # diffusers, transformers and safetensors have their own errors
        if is_out_of_memory(error):
            raise
        reason = " ".join(str(error).split())
        raise UserError(f"cannot load {folder} ({type(error).__name__}): {reason}") from error
    # The libraries only warn of these, and go on with random weights.
    wrong = [f"{key} is missing" for key in sorted(info["missing_keys"])]
    wrong += [f"{entry[0]} has another shape" for entry in sorted(info["mismatched_keys"])]
    if wrong:
        raise UserError(f"{folder} does not hold a {kind.__name__}: {', '.join(wrong)}")
    return part.eval().requires_grad_(False)
