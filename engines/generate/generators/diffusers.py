"""Any text-to-video or image-to-video pipeline that diffusers saved, unchanged."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from data.errors import UserError
from data.records import Request
from data.specs.pipeline import GenerateSpec
from engines.device import deterministic_inference
from engines.files.access import STRICT, UrlPolicy
from engines.generate.pipelines import call, first_frame, loading
from engines.generate.pipelines.folder import pipeline_digest, pipeline_folder
from engines.generate.protocol import Attribution, Clip, ClipInputs, LatentCacheUse, Speed

VERSION = "2"  # 2: arguments by signature, other provenance
_log = logging.getLogger(__name__)


def digests(spec: GenerateSpec) -> dict[str, str]:
    """SHA-256 of the pipeline by content; there is no controller.

    A UserError for a pipeline of another kind, or one that cannot take an option of the spec.
    """
    folder = pipeline_folder(spec.base)
    _check_pipeline(folder, spec)
    return {"model": pipeline_digest(folder), "controller": "none"}


def _check_pipeline(folder: Path, spec: GenerateSpec) -> call.Parameters:
    """The parameters of the call of a folder's pipeline, which can make what the spec says."""
    kind = loading.pipeline_class(folder)
    parameters = call.list_parameters(kind)
    call.check_call(kind.__name__, parameters, spec)
    return parameters


class Generator:
    """Generates each video by itself, from a random generator of its own.

    A pipeline that takes an `image` starts from the prompt's, else from its best clip.
    """

    image_replaces_clips = True

    def __init__(self, spec: GenerateSpec) -> None:
        self.spec, self.cache_use = spec, LatentCacheUse()
        self._folder = pipeline_folder(spec.base)
        self._parameters = _check_pipeline(self._folder, spec)
        self.clip_inputs = ClipInputs(pixels="image" in self._parameters)

    def load(self, speed: Speed, policy: UrlPolicy = STRICT) -> None:
        """Loads the pipeline; a UserError for missing weights or an impossible frame count."""
        import torch

        self._policy = policy
        if speed.threads:
            torch.set_num_threads(speed.threads)
        self._pipe: Any = loading.load_pipeline(self._folder, self.spec.precision)
        call.check_frames(self._pipe, self.spec.frames)
        loading.place_pipeline(self._pipe, speed, self.spec.vae_tiling)
        name, device = type(self._pipe).__name__, self._pipe.device
        _log.info("%s in %s on %s", name, self.spec.precision, device)

    def explain_rejection(self, request: Request) -> str | None:
        if self.clip_inputs.pixels:
            if request.image is None and not request.sources:
                return first_frame.NO_PICTURE
            try:
                if request.image is not None:
                    first_frame.open_picture(request.image, self._policy)
            except first_frame.PictureError as fault:
                return f"cannot read the image: {fault}"
        return call.explain_truncation(self._pipe, self._parameters, request.prompt)

    def attribute(self, request: Request, clips: Sequence[Clip]) -> Attribution:
        if not self.clip_inputs.pixels:
            return Attribution((None,) * len(clips))
        if request.image is not None:
            return Attribution((None,) * len(clips), request.image)
        best = first_frame.find_best(clips)
        return Attribution(tuple(1.0 if clip is best else None for clip in clips))

    def generate(self, requests: Sequence[Request], clips: Sequence[Sequence[Clip]]) -> np.ndarray:
        # One at a time: kernels round by the size of the batch, so videos would depend on it.
        return np.stack([self._generate_video(r, c) for r, c in zip(requests, clips, strict=True)])

    def _generate_video(self, request: Request, clips: Sequence[Clip]) -> np.ndarray:
        import torch

        spec = self.spec
        arguments = call.build_arguments(self._pipe, self._parameters, request, spec)
        if self.clip_inputs.pixels:
            arguments["image"] = first_frame.read_first_frame(
                request, clips, spec.height, spec.width, self._policy
            )
        # On the CPU, so that the same seed gives the same noise on any device.
        source = torch.Generator("cpu").manual_seed(request.seed)
        try:
            with deterministic_inference():
                output = self._pipe(**arguments, generator=source)
        except NotImplementedError as error:  # of a VAE that only decodes in tiles
            hint = "" if spec.vae_tiling else " try --vae-tiling"
            raise UserError(f"{self._describe_size()} {error}{hint}") from error
        except ValueError as error:  # diffusers' way to reject a size
            raise UserError(f"{self._describe_size()} {error}") from error
        return self._to_bytes(np.asarray(_pick_video(output)))

    def _to_bytes(self, video: np.ndarray) -> np.ndarray:
        """(T, H, W, 3) floats of 0 to 1 as bytes; a UserError unless size and numbers are right."""
        spec = self.spec
        frames, height, width = video.shape[:3]
        # Some pipelines round a size to one that they support, without a word.
        if (frames, height, width) != (spec.frames, spec.height, spec.width):
            raise UserError(f"{self._describe_size()} it gives {frames} frames of {width}x{height}")
        if not np.isfinite(video).all():
            raise UserError(
                f"{self._folder} gives NaN or infinite pixels in {spec.precision}: try --precision"
                " bf16 or fp32"
            )
        return (video * 255).round().astype(np.uint8)

    def _describe_size(self) -> str:
        """The beginning of an error about the size."""
        spec = self.spec
        return (
            f"{type(self._pipe).__name__} cannot generate {spec.frames} frames of"
            f" {spec.width}x{spec.height}:"
        )


def _pick_video(output: Any) -> Any:
    """The frames (T, H, W, 3) of the one video in a pipeline's output, whatever its field."""
    if hasattr(output, "frames"):
        return output.frames[0]
    return output.images if hasattr(output, "images") else output.videos[0]
