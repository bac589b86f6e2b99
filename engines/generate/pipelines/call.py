"""What a pipeline of diffusers is called with, by the names that its signature has."""

import inspect
from typing import TYPE_CHECKING, Any

from data.errors import UserError
from data.records import Request
from data.specs.pipeline import GenerateSpec
from engines.generate.pipelines import prompt_length

if TYPE_CHECKING:
    from diffusers import DiffusionPipeline

# How a pipeline says how many frames its codec makes of one.
TEMPORAL = (
    "vae_scale_factor_temporal", "vae_temporal_compression_ratio", "vae_temporal_scale_factor"
)  # fmt: skip


def takes(kind: type["DiffusionPipeline"]) -> dict[str, inspect.Parameter]:
    """The parameters of a call."""
    call: Any = kind
    return dict(inspect.signature(call.__call__).parameters)


def arguments(names: dict[str, Any], request: Request, spec: GenerateSpec) -> dict[str, Any]:
    """Those of a request, save for the picture and the generator, that a pipeline takes.

    Each has its own name for the rate, which some are conditioned on.
    """
    given: dict[str, Any] = {
        "prompt": request.prompt,
        "negative_prompt": spec.negative or None,
        "num_frames": spec.frames,
        "height": spec.height,
        "width": spec.width,
        "num_inference_steps": spec.steps,
        "guidance_scale": spec.guidance,
        "fps": max(1, round(spec.fps)),
        "target_fps": max(1, round(spec.fps)),
        "frame_rate": spec.fps,
        "output_type": "np",
    }
    return {name: value for name, value in given.items() if name in names}


def check_frames(pipe: "DiffusionPipeline", frames: int) -> None:
    """A UserError for a number of frames that a codec which joins them cannot give."""
    step = next((int(getattr(pipe, name)) for name in TEMPORAL if hasattr(pipe, name)), 1)
    if (frames - 1) % step:
        less = (frames - 1) // step * step + 1
        raise UserError(
            f"{frames} frames cannot be generated: {type(pipe).__name__} takes one and a multiple"
            f" of {step}, as --frames {less} or {less + step}"
        )


def cut(pipe: Any, names: dict[str, inspect.Parameter], text: str) -> str | None:
    """Why a prompt is not read to its end, by a pipeline that reads any."""
    if "prompt" not in names or getattr(pipe, "tokenizer", None) is None:
        return None
    config = pipe.text_encoder.config
    limits = [pipe.tokenizer.model_max_length, getattr(config, "max_position_embeddings", None)]
    if "max_sequence_length" in names:
        limits = [names["max_sequence_length"].default]  # the call's own, whatever the tokenizer's
    return prompt_length.cut(pipe.tokenizer, min(limit for limit in limits if limit), text)
