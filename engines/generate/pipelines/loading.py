"""A pipeline in memory: from safetensors alone, every parameter in its place."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.errors import UserError
from engines.generate.pipelines.folder import Parts, index
from engines.generate.pipelines.zeroscope import DTYPES, part, quiet
from engines.generate.protocol import Speed

if TYPE_CHECKING:
    from diffusers import DiffusionPipeline


def pipeline_class(folder: Path) -> type["DiffusionPipeline"]:
    """The diffusers class of a folder's pipeline; a UserError where diffusers has none."""
    import diffusers

    name, _ = index(folder)
    kind = getattr(diffusers, name, None)
    if not (isinstance(kind, type) and issubclass(kind, diffusers.DiffusionPipeline)):
        raise UserError(f"{folder} holds a {name}, which diffusers {diffusers.__version__} has not")
    return kind


def load(folder: Path, precision: str) -> "DiffusionPipeline":
    """The pipeline in a folder; a UserError names the parameters that are not as they should be."""
    import torch

    dtype = getattr(torch, DTYPES[precision])
    kind, (_, parts) = pipeline_class(folder), index(folder)
    with quiet():
        models = {name: part(made, folder / name, dtype=dtype) for name, made in _models(parts)}
        try:
            pipe = kind.from_pretrained(
                folder, local_files_only=True, use_safetensors=True, dtype=dtype, **models
            )
        except Exception as error:  # whatever the rest of it is, and whichever library reads it
            said = " ".join(str(error).split())
            raise UserError(f"cannot load {folder} ({type(error).__name__}): {said}") from error
    pipe.set_progress_bar_config(disable=True)
    return pipe


def place(pipe: "DiffusionPipeline", speed: Speed, tiling: bool) -> None:
    """Puts a pipeline where it runs, and how; `speed` changes nothing that it gives."""
    import torch

    parts: Any = pipe
    vae, net = parts.vae, getattr(parts, "transformer", None) or getattr(parts, "unet", None)
    if speed.vae_slicing and hasattr(vae, "use_slicing"):
        vae.enable_slicing()
    if tiling:
        if not hasattr(vae, "use_tiling"):
            raise UserError(f"{type(vae).__name__} cannot work in tiles: leave out --vae-tiling")
        vae.enable_tiling()
    if speed.compile and net is not None:
        net.compile()
    if not torch.cuda.is_available():
        return
    if speed.offload:
        pipe.enable_model_cpu_offload()
    else:
        pipe.to("cuda")


def _models(parts: Parts) -> list[tuple[str, Any]]:
    """The parts that have weights, with their classes."""
    import diffusers
    import torch
    import transformers

    libraries = {"diffusers": diffusers, "transformers": transformers}
    found = [(name, getattr(libraries[of], kind, None)) for name, (of, kind) in parts.items()]
    return [(n, k) for n, k in found if isinstance(k, type) and issubclass(k, torch.nn.Module)]
