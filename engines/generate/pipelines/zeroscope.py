"""Loads a base model in ZeroScope's layout: strictly, and from safetensors only."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from data.errors import UserError
from data.specs.pipeline import GenerateSpec
from engines.generate.pipelines import prompt_length
from engines.pretrained import load_pretrained
from engines.weights_file import open_weights

if TYPE_CHECKING:
    from diffusers import TextToVideoSDPipeline

DTYPES = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}


def load_pipeline(folder: Path, precision: str) -> "TextToVideoSDPipeline":
    """The pipeline in a folder; a UserError names missing and mismatched parameters."""
    with open_weights(folder):
        return _load_pipeline(folder, precision)


def _load_pipeline(folder: Path, precision: str) -> "TextToVideoSDPipeline":
    import diffusers
    import torch
    from transformers import CLIPTextModel, CLIPTokenizer

    unet, scheduler = _read_class(folder / "unet"), _read_class(folder / "scheduler")
    if unet != "UNet3DConditionModel":
        raise UserError(
            f"{folder} has a {unet}, which RAGME cannot condition: it takes ZeroScope's"
            " UNet3DConditionModel; the generator `diffusers` runs other models"
        )
    dtype = getattr(torch, DTYPES[precision])
    with silence_libraries():
        pipe = diffusers.TextToVideoSDPipeline(
            scheduler=getattr(diffusers, scheduler).from_pretrained(folder / "scheduler"),
            tokenizer=CLIPTokenizer.from_pretrained(folder / "tokenizer"),
            text_encoder=load_pretrained(CLIPTextModel, folder / "text_encoder", dtype=dtype),
            unet=load_pretrained(diffusers.UNet3DConditionModel, folder / "unet", dtype=dtype),
            vae=load_pretrained(diffusers.AutoencoderKL, folder / "vae", dtype=dtype),
        )
    pipe.set_progress_bar_config(disable=True)
    return pipe


def check_size(pipe: "TextToVideoSDPipeline", spec: GenerateSpec) -> None:
    """A UserError for a size that the VAE and the UNet cannot halve as often as they do."""
    # In the UNet's skip connections an odd size halved and doubled no longer fits its twin.
    step = pipe.vae_scale_factor * 2**pipe.unet.num_upsamplers
    if spec.width % step or spec.height % step:
        raise UserError(
            f"{spec.width}x{spec.height} cannot be generated: this model takes multiples of {step},"
            f" as {_nearest_multiple(spec.width, step)}x{_nearest_multiple(spec.height, step)}"
        )


def explain_truncation(pipe: "TextToVideoSDPipeline", text: str) -> str | None:
    """How long a prompt is and after what it would be cut; None if it is read whole."""
    positions = pipe.text_encoder.config.max_position_embeddings
    limit = min(pipe.tokenizer.model_max_length, positions)
    return prompt_length.explain_truncation(pipe.tokenizer, limit, text)


def _nearest_multiple(pixels: int, step: int) -> int:
    return max(step, round(pixels / step) * step)


def _read_class(folder: Path) -> str:
    """The class that the configuration of a part of diffusers names."""
    for name in ("config.json", "scheduler_config.json"):
        if (folder / name).is_file():
            return str(json.loads((folder / name).read_text()).get("_class_name"))
    raise UserError(f"{folder} has no configuration file: download the model again")


@contextmanager
def silence_libraries() -> Iterator[None]:
    """Mutes diffusers' warning that ZeroScope's pipeline is old, and both libraries' bars."""
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
        diffusers.enable_progress_bar()  # which cannot be asked whether its bars were on
        for library, level in zip((diffusers, transformers), before, strict=True):
            library.set_verbosity(level)
