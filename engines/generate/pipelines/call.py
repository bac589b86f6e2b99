"""Calls a diffusers pipeline with the arguments that its signature has."""

import inspect
from typing import TYPE_CHECKING, Any

from data.errors import UserError
from data.records import Request
from data.specs.pipeline import GenerateSpec
from engines.generate.pipelines import prompt_length

if TYPE_CHECKING:
    from diffusers import DiffusionPipeline

# Attributes in which pipelines state how many frames their VAE makes one latent of.
TEMPORAL_FACTORS = (
    "vae_scale_factor_temporal", "vae_temporal_compression_ratio", "vae_temporal_scale_factor"
)  # fmt: skip


def list_parameters(kind: type["DiffusionPipeline"]) -> dict[str, inspect.Parameter]:
    """The parameters of a pipeline's `__call__`, by name."""
    call: Any = kind
    return dict(inspect.signature(call.__call__).parameters)


def build_arguments(names: dict[str, Any], request: Request, spec: GenerateSpec) -> dict[str, Any]:
    """The request's arguments that a pipeline takes, save for the image and the generator."""
    options: dict[str, Any] = {
        "prompt": request.prompt,
        "negative_prompt": spec.negative or None,
        "num_frames": spec.frames,
        "height": spec.height,
        "width": spec.width,
        "num_inference_steps": spec.steps,
        "guidance_scale": spec.guidance,
        # Three names for the frame rate, which some pipelines are conditioned on.
        "fps": max(1, round(spec.fps)),
        "target_fps": max(1, round(spec.fps)),
        "frame_rate": spec.fps,
        "output_type": "np",
    }
    return {name: value for name, value in options.items() if name in names}


def check_frames(pipe: "DiffusionPipeline", frames: int) -> None:
    """A UserError for a number of frames that a VAE with temporal compression cannot give."""
    step = next((int(getattr(pipe, name)) for name in TEMPORAL_FACTORS if hasattr(pipe, name)), 1)
    # Such a VAE encodes the first frame alone and the rest in groups of `step`.
    if (frames - 1) % step:
        less = (frames - 1) // step * step + 1
        raise UserError(
            f"{frames} frames cannot be generated: {type(pipe).__name__} takes one more than a"
            f" multiple of {step}: use --frames {less} or {less + step}"
        )


def explain_truncation(pipe: Any, names: dict[str, inspect.Parameter], text: str) -> str | None:
    """Why the pipeline would truncate a prompt; None if it reads it whole, or takes no prompt."""
    if "prompt" not in names or getattr(pipe, "tokenizer", None) is None:
        return None
    config = pipe.text_encoder.config
    limits = [pipe.tokenizer.model_max_length, getattr(config, "max_position_embeddings", None)]
    if "max_sequence_length" in names:
        limits = [names["max_sequence_length"].default]  # the call's own, whatever the tokenizer's
    limit = min(limit for limit in limits if limit)
    return prompt_length.explain_truncation(pipe.tokenizer, limit, text)
