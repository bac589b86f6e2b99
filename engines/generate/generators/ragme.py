"""RAGME (arXiv 2504.06672): retrieved clips condition an unmodified ZeroScope-like model."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from data.errors import UserError
from data.records import Request
from data.specs.pipeline import GenerateSpec
from engines.device import deterministic_inference
from engines.files.access import STRICT, UrlPolicy
from engines.generate.pipelines import zeroscope
from engines.generate.pipelines.digest import base_folder
from engines.generate.pipelines.loading import place_pipeline
from engines.generate.protocol import Attribution, Clip, ClipInputs, LatentCacheUse, Speed
from engines.generate.ragme import checkpoint, rag_init, sampling
from engines.generate.ragme.folders import NONE, controller_folder, digests
from engines.generate.ragme.injection_sites import list_sites
from engines.generate.ragme.latents import ClipLatents
from engines.generate.ragme.rag_init import weigh_clips

if TYPE_CHECKING:
    from torch import Tensor

    from engines.nets.controller import Conditioning, Controller

__all__ = ["VERSION", "Generator", "digests"]
VERSION = "1"
_log = logging.getLogger(__name__)


class Generator:
    """Samples each video by itself: kernels round by the size of the batch."""

    image_replaces_clips = False

    def __init__(self, spec: GenerateSpec) -> None:
        self.spec, self.cache_use = spec, LatentCacheUse()
        # Without a controller, or at a guidance of 0, frame vectors would change nothing.
        uses_tokens = spec.controller != NONE and spec.rag.guidance != 0
        self.clip_inputs = ClipInputs(pixels=spec.rag.init > 0, tokens=uses_tokens)

    def load(self, speed: Speed, policy: UrlPolicy = STRICT) -> None:
        """Loads base and controller; a UserError for a size or folder that cannot be used."""
        import torch

        if speed.threads:
            torch.set_num_threads(speed.threads)
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._pipe = zeroscope.load_pipeline(base_folder(self.spec.base), self.spec.precision)
        zeroscope.check_size(self._pipe, self.spec)
        if reason := zeroscope.explain_truncation(self._pipe, self.spec.negative):
            raise UserError(f"--negative: {reason}")
        # After the base, whose sites it must fit, and before weights move to the device.
        self._controller = self._load_controller()
        self._place_pipeline(speed)
        self._latents = ClipLatents(self._pipe.vae, self._device, self.cache_use)
        name = type(self._pipe).__name__
        _log.info("%s in %s on %s", name, self.spec.precision, self._device)

    def explain_rejection(self, request: Request) -> str | None:
        return zeroscope.explain_truncation(self._pipe, request.prompt)

    def attribute(self, request: Request, clips: Sequence[Clip]) -> Attribution:
        # Frame vectors condition whatever their clip's share of the noise; pixels only with one.
        weights = weigh_clips(clips, self.spec)
        return Attribution(
            tuple(
                weight if clip.source.video_id and (self.clip_inputs.tokens or weight) else None
                for clip, weight in zip(clips, weights, strict=True)
            )
        )

    def generate(self, requests: Sequence[Request], clips: Sequence[Sequence[Clip]]) -> np.ndarray:
        with deterministic_inference():
            videos = [
                self._generate_video(request, group)
                for request, group in zip(requests, clips, strict=True)
            ]
        return np.stack(videos)

    def _load_controller(self) -> "Controller | None":
        folder = controller_folder(self.spec)
        if folder is None or not self.clip_inputs.tokens:
            return None
        loaded = checkpoint.load_controller(folder, list_sites(self._pipe.unet))
        for remark in loaded.remarks:
            _log.warning("%s: %s", folder.name, remark)
        return loaded.controller.to(self._device, self._pipe.unet.dtype)

    def _place_pipeline(self, speed: Speed) -> None:
        place_pipeline(self._pipe, replace(speed, compile=False), self.spec.vae_tiling)
        if speed.compile:
            # Block by block: hooks sit on the modules around them, and would break a whole graph.
            for block in self._pipe.unet.modules():
                if type(block).__name__ == "BasicTransformerBlock":
                    block.compile()

    def _generate_video(self, request: Request, clips: Sequence[Clip]) -> np.ndarray:
        pipe, spec = self._pipe, self.spec
        pipe.scheduler.set_timesteps(spec.steps, device=self._device)
        text, conditioning = self._encode_text(request.prompt), self._encode_clips(clips)
        noise = sampling.GuidedNoise(pipe.unet, text, spec, self._controller, conditioning)
        factor = pipe.vae_scale_factor
        size = (spec.height // factor, spec.width // factor)
        shape = (1, pipe.unet.config.in_channels, spec.frames, *size)
        source, mean = rag_init.noise_generator(request, spec), self._mean_latents(clips)
        initial = rag_init.init_latents(source, shape, mean, spec, pipe.scheduler)
        video = sampling.decode_frames(pipe, sampling.denoise_latents(pipe, noise, initial))
        # Offloaded parts return to memory, so that the next video finds the GPU as this one did.
        pipe.maybe_free_model_hooks()
        return video

    def _encode_text(self, prompt: str) -> "Tensor":
        import torch

        # As diffusers does: at 1 and below, the negative prompt has no effect.
        guiding = self.spec.guidance > 1
        positive, negative = self._pipe.encode_prompt(
            prompt, self._device, 1, guiding, self.spec.negative
        )
        return torch.cat([negative, positive]) if guiding else positive

    def _encode_clips(self, clips: Sequence[Clip]) -> "Conditioning | None":
        """The clips' keys and values at every site: they are the same at all steps."""
        import torch
        from torch.nn import functional

        if self._controller is None or not clips:
            return None
        vectors = [clip.tokens for clip in clips if clip.tokens is not None]
        tokens = torch.from_numpy(np.stack(vectors))
        # Checked here: torch would name two matrices, but not the model to embed with.
        if tokens.shape[-1] != self._controller.config.cin:
            raise UserError(
                f"the corpus has frame vectors of {tokens.shape[-1]} numbers and the controller"
                f" takes {self._controller.config.cin}: embed with the model it was trained with"
            )
        # Training has unit vectors; RAGME's inference passes raw ones (ragme.md, section 4, no. 2).
        if "raw_tokens" not in self.spec.rag.compat:
            tokens = functional.normalize(tokens, dim=-1)
        batch = tokens[None].to(self._device, self._pipe.unet.dtype)
        return self._controller.precompute_context(batch)

    def _mean_latents(self, clips: Sequence[Clip]) -> "Tensor | None":
        """The clips' mean latents (1, C, T, h, w), weighted as the spec has it."""
        if not clips or not self.clip_inputs.pixels:
            return None
        weights = weigh_clips(clips, self.spec)
        return self._latents.mean(clips, weights)
