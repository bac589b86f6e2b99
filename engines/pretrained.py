"""Loads models of diffusers and transformers from folders: strictly, without code of theirs."""

from pathlib import Path
from typing import Any

from data.errors import UserError
from engines.memory import is_out_of_memory
from engines.weights_file import check_weights_file

SAFE: dict[str, Any] = {"local_files_only": True, "use_safetensors": True}


def load_pretrained(kind: Any, folder: Path, **options: Any) -> Any:
    """A model in a folder, frozen, in float32 unless `dtype` is given, whatever the files are in.

    A UserError names missing and mismatched parameters. From safetensors only, unless
    `use_safetensors=None` allows what libraries unpickle as nothing but weights.
    """
    import torch

    # transformers would take the files' dtype, and what comes in would be of another.
    options = {"dtype": torch.float32} | options
    for file in sorted(folder.glob("*.safetensors")):
        check_weights_file(file)
    try:
        part, info = kind.from_pretrained(folder, output_loading_info=True, **SAFE | options)
    except Exception as error:  # diffusers, transformers and safetensors have their own errors
        if is_out_of_memory(error):
            raise
        raise UserError(explain_fault(folder, error)) from error
    # The libraries only warn of these, and go on with random weights. Poolers of text models are
    # often left out, and no vector of ours comes from one.
    missing = [key for key in sorted(info["missing_keys"]) if not key.startswith("pooler.")]
    wrong = [f"{key} is missing" for key in missing]
    wrong += [f"{entry[0]} has another shape" for entry in sorted(info["mismatched_keys"])]
    if wrong:
        raise UserError(f"{folder} does not hold a {type(part).__name__}: {', '.join(wrong)}")
    return part.eval().requires_grad_(False)


def explain_fault(folder: Path, error: Exception) -> str:
    """Why a folder was not loaded, in one line."""
    text = " ".join(str(error).split())
    if "trust_remote_code" in text or "custom code" in text:
        return f"{folder} requires custom code for its model; remote code is not executed"
    return f"cannot load {folder} ({type(error).__name__}): {text}"
