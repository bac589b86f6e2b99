"""A base model in ZeroScope's layout: loaded strictly, from safetensors alone."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.errors import UserError
from data.specs.pipeline import GenerateSpec
from engines.generate.pipelines import prompt_length

if TYPE_CHECKING:
    from diffusers import TextToVideoSDPipeline

DTYPES = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}


def load(folder: Path, precision: str) -> "TextToVideoSDPipeline":
    """The parts in a folder; a UserError names the parameters that are not as they should be."""
    import diffusers
    import torch
    from transformers import CLIPTextModel, CLIPTokenizer

    unet, scheduler = _class(folder / "unet"), _class(folder / "scheduler")
    if unet != "UNet3DConditionModel":
        raise UserError(
            f"{folder} has a {unet}, which RAGME cannot condition: it takes ZeroScope's"
            " UNet3DConditionModel; the generator `diffusers` runs other models"
        )
    dtype = getattr(torch, DTYPES[precision])
    with quiet():
        pipe = diffusers.TextToVideoSDPipeline(
            scheduler=getattr(diffusers, scheduler).from_pretrained(folder / "scheduler"),
            tokenizer=CLIPTokenizer.from_pretrained(folder / "tokenizer"),
            text_encoder=part(CLIPTextModel, folder / "text_encoder", dtype=dtype),
            unet=part(diffusers.UNet3DConditionModel, folder / "unet", dtype=dtype),
            vae=part(diffusers.AutoencoderKL, folder / "vae", dtype=dtype),
        )
    pipe.set_progress_bar_config(disable=True)
    return pipe


def check_size(pipe: "TextToVideoSDPipeline", spec: GenerateSpec) -> None:
    """A UserError for a size that the codec and the UNet cannot halve as often as they do."""
    step = pipe.vae_scale_factor * 2**pipe.unet.num_upsamplers
    if spec.width % step or spec.height % step:
        raise UserError(
            f"{spec.width}x{spec.height} cannot be generated: this model takes multiples of {step},"
            f" as {_nearest(spec.width, step)}x{_nearest(spec.height, step)}"
        )


def cut(pipe: "TextToVideoSDPipeline", text: str) -> str | None:
    """Why a prompt is not read to its end: how long it is, and where it would be cut."""
    positions = pipe.text_encoder.config.max_position_embeddings
    return prompt_length.cut(pipe.tokenizer, min(pipe.tokenizer.model_max_length, positions), text)


def _nearest(pixels: int, step: int) -> int:
    return max(step, round(pixels / step) * step)


def _class(folder: Path) -> str:
    """The class that a part of diffusers says it is of."""
    for name in ("config.json", "scheduler_config.json"):
        if (folder / name).is_file():
            return str(json.loads((folder / name).read_text()).get("_class_name"))
    raise UserError(f"{folder} has no configuration: get the model anew")


def part(kind: Any, folder: Path, **options: Any) -> Any:
    """A model in a folder, frozen; a UserError names the parameters that are not as they should."""
    try:
        part, found = kind.from_pretrained(
            folder, use_safetensors=True, local_files_only=True, output_loading_info=True, **options
        )
    except Exception as error:  # whatever the file is, and whichever library reads it
        said = " ".join(str(error).split())
        raise UserError(f"cannot load {folder} ({type(error).__name__}): {said}") from error
    wrong = [f"{key} is missing" for key in sorted(found["missing_keys"])]
    wrong += [f"{entry[0]} is of another shape" for entry in sorted(found["mismatched_keys"])]
    if wrong:
        raise UserError(f"{folder} does not hold a {kind.__name__}: {', '.join(wrong)}")
    return part.eval().requires_grad_(False)


@contextmanager
def quiet() -> Iterator[None]:
    """Without diffusers' warning that ZeroScope's pipeline is old, and transformers' bars."""
    from diffusers.utils import logging as diffusers
    from transformers.utils import logging as transformers

    before = [library.get_verbosity() for library in (diffusers, transformers)]
    barred = transformers.is_progress_bar_enabled()
    transformers.disable_progress_bar()
    diffusers.disable_progress_bar()
    for library in (diffusers, transformers):
        library.set_verbosity_error()
    try:
        yield
    finally:
        if barred:
            transformers.enable_progress_bar()
        diffusers.enable_progress_bar()
        for library, level in zip((diffusers, transformers), before, strict=True):
            library.set_verbosity(level)
