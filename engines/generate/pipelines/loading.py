"""Loads a pipeline into memory: from safetensors only, with every parameter accounted for."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.errors import UserError
from engines.generate.pipelines.folder import Parts, list_absent, read_index
from engines.generate.pipelines.zeroscope import DTYPES, silence_libraries
from engines.generate.protocol import Speed
from engines.memory import is_out_of_memory
from engines.pretrained import load_pretrained

if TYPE_CHECKING:
    from diffusers import DiffusionPipeline


def pipeline_class(folder: Path) -> type["DiffusionPipeline"]:
    """The diffusers class of a folder's pipeline; a UserError if diffusers has no such class."""
    import diffusers

    name, _ = read_index(folder)
    kind = getattr(diffusers, name, None)
    if not (isinstance(kind, type) and issubclass(kind, diffusers.DiffusionPipeline)):
        raise UserError(
            f"{folder} holds a {name}, which diffusers {diffusers.__version__} does not have"
        )
    return kind


def load_pipeline(folder: Path, precision: str) -> "DiffusionPipeline":
    """The pipeline in a folder; a UserError names missing and mismatched parameters."""
    import torch

    dtype = getattr(torch, DTYPES[precision])
    kind, (_, parts) = pipeline_class(folder), read_index(folder)
    absent = dict.fromkeys(list_absent(folder))  # named, as some pipelines want to be told so
    with silence_libraries():
        # Parts first, one by one: the pipeline's own loader fills gaps with random weights.
        models = {
            name: load_pretrained(part, folder / name, dtype=dtype)
            for name, part in _list_models(parts)
        }
        try:
            pipe = kind.from_pretrained(
                folder, local_files_only=True, use_safetensors=True, dtype=dtype, **models, **absent
            )
        except Exception as error:  # schedulers, tokenizers: each library has its own errors
            if is_out_of_memory(error):
                raise
            reason = " ".join(str(error).split())
            raise UserError(f"cannot load {folder} ({type(error).__name__}): {reason}") from error
    pipe.set_progress_bar_config(disable=True)
    return pipe


def place_pipeline(pipe: "DiffusionPipeline", speed: Speed, tiling: bool) -> None:
    """Moves a pipeline to its device and sets it up; `speed` does not change what it gives."""
    import torch

    parts: Any = pipe
    vae, net = parts.vae, getattr(parts, "transformer", None) or getattr(parts, "unet", None)
    if speed.vae_slicing and hasattr(vae, "use_slicing"):
        vae.enable_slicing()
    # Tiling, unlike slicing, changes pixels at the seams: it belongs to the spec, not to `speed`.
    if tiling:
        if not hasattr(vae, "use_tiling"):
            raise UserError(f"{type(vae).__name__} cannot decode in tiles: omit --vae-tiling")
        vae.enable_tiling()
    if speed.compile and net is not None:
        net.compile()
    if not torch.cuda.is_available():
        return
    if speed.offload:
        pipe.enable_model_cpu_offload()
    else:
        pipe.to("cuda")


def _list_models(parts: Parts) -> list[tuple[str, Any]]:
    """The parts that have weights, with their classes."""
    import diffusers
    import torch
    import transformers

    libraries = {"diffusers": diffusers, "transformers": transformers}
    kinds = [(name, getattr(libraries[lib], kind, None)) for name, (lib, kind) in parts.items()]
    return [(n, k) for n, k in kinds if isinstance(k, type) and issubclass(k, torch.nn.Module)]
