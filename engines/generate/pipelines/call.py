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


FRAMES = ("num_frames", "video_length", "frames")
MOST_GUIDANCE = "max_guidance_scale"  # SVD's, of the last frame; that of the first is 1
GUIDANCE = ("guidance_scale", "true_cfg_scale", MOST_GUIDANCE)
WHOLE_GROUPS = {"AllegroPipeline"}  # no first frame of its own: a multiple, not one more

Parameters = dict[str, inspect.Parameter]
Values = dict[str, Any]


def list_parameters(kind: type["DiffusionPipeline"]) -> Parameters:
    """The parameters of a pipeline's `__call__`, by name."""
    call: Any = kind
    return dict(inspect.signature(call.__call__).parameters)


def check_call(kind: str, names: Parameters, spec: GenerateSpec) -> None:
    """A UserError for a pipeline that makes no video of a prompt, or cannot take an option."""
    needed = [
        name
        for name, each in names.items()
        if each.default is inspect.Parameter.empty
        and each.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
        and name not in ("self", "prompt", "image")
    ]
    if needed:
        raise UserError(
            f"{kind} starts from {', '.join(needed)}: use a text-to-video or image-to-video model"
        )
    if not _pick_name(FRAMES, names):
        raise UserError(
            f"{kind} has no number of frames: use a text-to-video or image-to-video model"
        )
    for option, given in _list_unusable(names, spec).items():
        if given:
            raise UserError(f"{kind} has no {option}: leave it out, since it would change nothing")


def _list_unusable(names: Parameters, spec: GenerateSpec) -> dict[str, bool]:
    """The options that the pipeline has no argument for, and whether each was given."""
    default = GenerateSpec()
    given = {
        "--negative": bool(spec.negative) and "negative_prompt" not in names,
        "--guidance": spec.guidance != default.guidance and not _pick_name(GUIDANCE, names),
        "--steps": spec.steps != default.steps and "num_inference_steps" not in names,
        "--controller": spec.engine == "diffusers" and spec.controller not in (None, "none"),
    }
    rag = default.rag.model_dump()
    for name, value in spec.rag.model_dump().items():  # of RAGME alone
        given[f"rag.{name}"] = value != rag[name]
    return given


def _pick_name(choices: tuple[str, ...], names: Parameters) -> str | None:
    return next((name for name in choices if name in names), None)


def build_arguments(pipe: Any, names: Parameters, request: Request, spec: GenerateSpec) -> Values:
    """The request's arguments that a pipeline takes, save for the image and the generator.

    What is not given is left out, so that the pipeline's own default holds.
    """
    options: Values = {
        "prompt": request.prompt,
        "height": spec.height,
        "width": spec.width,
        "num_inference_steps": spec.steps,
        # Three names for the frame rate, which some pipelines are conditioned on.
        "fps": max(1, round(spec.fps)),
        "target_fps": max(1, round(spec.fps)),
        "frame_rate": spec.fps,
        "output_type": "np",
        **dict.fromkeys(FRAMES, spec.frames),
        **_build_guidance(pipe, names, spec),
    }
    return {name: value for name, value in options.items() if name in names}


def _build_guidance(pipe: Any, names: Parameters, spec: GenerateSpec) -> Values:
    """The arguments of guidance, and the negative prompt.

    Pipelines with a `true_cfg_scale` have two: their `guidance_scale` is an input of the model,
    which a model without such an input ignores; the other is classifier-free guidance, which only
    happens if there is a negative prompt. SVD's is by the picture, and its own if left out.
    """
    if MOST_GUIDANCE in names:
        given = spec.guidance != GenerateSpec().guidance
        return {MOST_GUIDANCE: spec.guidance} if given else {}
    negative = {"negative_prompt": spec.negative} if spec.negative else {}
    if "true_cfg_scale" not in names:
        return {"guidance_scale": spec.guidance, **negative}
    config = getattr(getattr(pipe, "transformer", None), "config", None)
    if getattr(config, "guidance_embeds", True) and not negative:
        return {"guidance_scale": spec.guidance}
    return {"true_cfg_scale": spec.guidance, "negative_prompt": spec.negative}


def check_frames(pipe: "DiffusionPipeline", frames: int) -> None:
    """A UserError for a number of frames that a VAE with temporal compression cannot give."""
    net = getattr(getattr(pipe, "transformer", None), "config", None)
    fixed = getattr(net, "video_length", None)  # of codes for places in time that were trained
    if fixed and frames != fixed:
        raise UserError(
            f"{frames} frames cannot be generated: this {type(pipe).__name__} makes {fixed}: use"
            f" --frames {fixed}"
        )
    step = next((int(getattr(pipe, name)) for name in TEMPORAL_FACTORS if hasattr(pipe, name)), 1)
    # Such a VAE encodes the first frame alone and the rest in groups of `step`.
    first = 0 if type(pipe).__name__ in WHOLE_GROUPS else 1
    if (frames - first) % step:
        less = (frames - first) // step * step + first
        what = "one more than a multiple" if first else "a multiple"
        choices = " or ".join(str(count) for count in (less, less + step) if count > 0)
        raise UserError(
            f"{frames} frames cannot be generated: {type(pipe).__name__} takes {what} of {step}:"
            f" use --frames {choices}"
        )


def explain_truncation(pipe: Any, names: Parameters, text: str) -> str | None:
    """Why the pipeline would truncate a prompt; None if it reads it whole, or takes no prompt."""
    if "prompt" not in names or getattr(pipe, "tokenizer", None) is None:
        return None
    config = getattr(getattr(pipe, "text_encoder", None), "config", None)
    limits = [getattr(part, name, None) for part, name in (
        (pipe.tokenizer, "model_max_length"), (config, "max_position_embeddings"))]  # fmt: skip
    if "max_sequence_length" in names:
        limits = [names["max_sequence_length"].default]  # the call's own, whatever the tokenizer's
    limit = min((limit for limit in limits if limit), default=None)
    if limit is None:
        return None
    return prompt_length.explain_truncation(pipe.tokenizer, limit, text)
