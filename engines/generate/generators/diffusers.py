"""Any text-to-video or image-to-video pipeline that diffusers saved, as it is."""

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np

from data.errors import UserError
from data.records import Request
from data.specs.pipeline import GenerateSpec
from engines.generate.pipelines import call, first_frame, loading
from engines.generate.pipelines.folder import pipeline_digest, pipeline_folder
from engines.generate.protocol import Clip, Speed, Spent, Wants

VERSION = "1"
_log = logging.getLogger(__name__)


def digests(spec: GenerateSpec) -> dict[str, str]:
    """SHA-256 of the pipeline by content; there is no controller."""
    return {"model": pipeline_digest(pipeline_folder(spec.base)), "controller": "none"}


class Generator:
    """Each video is made by itself, from a generator of its own: kernels round by the batch.

    A pipeline that takes an `image` starts from the prompt's, else from its best clip.
    """

    def __init__(self, spec: GenerateSpec) -> None:
        self.spec, self.spent = spec, Spent()
        self._folder = pipeline_folder(spec.base)
        self._takes = call.takes(loading.pipeline_class(self._folder))
        self.wants = Wants(pixels="image" in self._takes)

    def load(self, speed: Speed) -> None:
        """A UserError for a folder that does not hold what it says, or a count of frames."""
        import torch

        if speed.threads:
            torch.set_num_threads(speed.threads)
        torch.backends.cudnn.deterministic = True
        self._pipe: Any = loading.load(self._folder, self.spec.precision)
        call.check_frames(self._pipe, self.spec.frames)
        loading.place(self._pipe, speed, self.spec.vae_tiling)
        name, device = type(self._pipe).__name__, self._pipe.device
        _log.info("%s in %s on %s", name, self.spec.precision, device)

    def refusal(self, request: Request) -> str | None:
        if self.wants.pixels:
            if request.image is None and not request.sources:
                return first_frame.NEITHER
            try:
                if request.image is not None:
                    first_frame.opened(request.image)
            except first_frame.PictureError as fault:
                return f"the image cannot be read: {fault}"
        return call.cut(self._pipe, self._takes, request.prompt)

    def generate(self, requests: Sequence[Request], clips: Sequence[Sequence[Clip]]) -> np.ndarray:
        return np.stack([self._video(r, c) for r, c in zip(requests, clips, strict=True)])

    def _video(self, request: Request, clips: Sequence[Clip]) -> np.ndarray:
        import torch

        spec = self.spec
        given = call.arguments(self._takes, request, spec)
        if self.wants.pixels:
            given["image"] = first_frame.first_frame(request, clips, spec.height, spec.width)
        source = torch.Generator("cpu").manual_seed(request.seed)
        try:
            with torch.inference_mode():
                found = self._pipe(**given, generator=source).frames[0]
        except ValueError as error:
            raise UserError(f"{self._named()} {error}") from error
        return self._checked(np.asarray(found))

    def _checked(self, found: np.ndarray) -> np.ndarray:
        """(T, H, W, 3) floats of 0 to 1 as bytes, if they are what was asked for."""
        spec = self.spec
        frames, height, width = found.shape[:3]
        if (frames, height, width) != (spec.frames, spec.height, spec.width):
            raise UserError(f"{self._named()} it gives {frames} frames of {width}x{height}")
        if not np.isfinite(found).all():
            raise UserError(
                f"{self._folder} gives what is not a number in {spec.precision}: try --precision"
                " bf16 or fp32"
            )
        return (found * 255).round().astype(np.uint8)

    def _named(self) -> str:
        spec = self.spec
        return (
            f"{type(self._pipe).__name__} cannot generate {spec.frames} frames of"
            f" {spec.width}x{spec.height}:"
        )
