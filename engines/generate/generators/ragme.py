"""RAGME (arXiv 2504.06672): retrieved clips condition an unmodified ZeroScope-like model."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from data.errors import UserError
from data.records import Request
from data.specs.pipeline import GenerateSpec
from engines.generate.pipelines import zeroscope
from engines.generate.pipelines.digest import base_folder
from engines.generate.pipelines.loading import place
from engines.generate.protocol import Clip, Speed, Spent, Wants
from engines.generate.ragme import checkpoint, rag_init, sampling
from engines.generate.ragme.folders import NONE, controller_folder, digests
from engines.generate.ragme.grey_clips import filled
from engines.generate.ragme.injection_sites import sites
from engines.generate.ragme.latents import Latents

if TYPE_CHECKING:
    from torch import Tensor

    from engines.nets.controller import Conditioning, Controller

__all__ = ["VERSION", "Generator", "digests"]
VERSION = "1"
_log = logging.getLogger(__name__)


class Generator:
    """Each video is sampled by itself: kernels round by the size of the batch."""

    def __init__(self, spec: GenerateSpec) -> None:
        self.spec, self.spent = spec, Spent()
        listening = spec.controller != NONE and spec.rag.guidance != 0
        self.wants = Wants(pixels=spec.rag.init > 0, tokens=listening)

    def load(self, speed: Speed) -> None:
        """A UserError for a size, base or controller that cannot be run."""
        import torch

        if speed.threads:
            torch.set_num_threads(speed.threads)
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        torch.backends.cudnn.deterministic = True
        self._pipe = zeroscope.load(base_folder(self.spec.base), self.spec.precision)
        zeroscope.check_size(self._pipe, self.spec)
        if why := zeroscope.cut(self._pipe, self.spec.negative):
            raise UserError(f"--negative: {why}")
        self._controller = self._loaded()
        self._place(speed)
        self._latents = Latents(self._pipe.vae, self._device, self.spent)
        name = type(self._pipe).__name__
        _log.info("%s in %s on %s", name, self.spec.precision, self._device)

    def refusal(self, request: Request) -> str | None:
        return zeroscope.cut(self._pipe, request.prompt)

    def generate(self, requests: Sequence[Request], clips: Sequence[Sequence[Clip]]) -> np.ndarray:
        import torch

        with torch.inference_mode():
            pairs = zip(requests, clips, strict=True)
            return np.stack([self._video(one, filled(its, self.spec)) for one, its in pairs])

    def _loaded(self) -> "Controller | None":
        folder = controller_folder(self.spec)
        if folder is None or not self.wants.tokens:
            return None
        loaded = checkpoint.load(folder, sites(self._pipe.unet))
        for remark in loaded.remarks:
            _log.warning("%s: %s", folder.name, remark)
        return loaded.controller.to(self._device, self._pipe.unet.dtype)

    def _place(self, speed: Speed) -> None:
        place(self._pipe, replace(speed, compile=False), self.spec.vae_tiling)
        if speed.compile:
            for block in self._pipe.unet.modules():
                if type(block).__name__ == "BasicTransformerBlock":  # inside of the hooked modules
                    block.compile()

    def _video(self, request: Request, clips: Sequence[Clip]) -> np.ndarray:
        pipe, spec = self._pipe, self.spec
        pipe.scheduler.set_timesteps(spec.steps, device=self._device)
        guided = sampling.Guided(
            pipe.unet, self._text(request.prompt), spec, self._controller, self._said(clips)
        )
        factor = pipe.vae_scale_factor
        size = (spec.height // factor, spec.width // factor)
        shape = (1, pipe.unet.config.in_channels, spec.frames, *size)
        source = rag_init.generator(request, spec)
        beginning = rag_init.begin(source, shape, self._mean(clips), spec, pipe.scheduler)
        video = sampling.pictures(pipe, sampling.denoised(pipe, guided, beginning))
        pipe.maybe_free_model_hooks()
        return video

    def _text(self, prompt: str) -> "Tensor":
        import torch

        guiding = self.spec.guidance > 1
        said, negative = self._pipe.encode_prompt(
            prompt, self._device, 1, guiding, self.spec.negative
        )
        return torch.cat([negative, said]) if guiding else said

    def _said(self, clips: Sequence[Clip]) -> "Conditioning | None":
        """What the clips say at every site, once for all steps."""
        import torch
        from torch.nn import functional

        if self._controller is None or not clips:
            return None
        vectors = [clip.tokens for clip in clips if clip.tokens is not None]
        tokens = torch.from_numpy(np.stack(vectors))
        if tokens.shape[-1] != self._controller.config.cin:
            raise UserError(
                f"the corpus has frame vectors of {tokens.shape[-1]} numbers and the controller"
                f" takes {self._controller.config.cin}: embed with the model it was trained with"
            )
        if "raw_tokens" not in self.spec.rag.compat:
            tokens = functional.normalize(tokens, dim=-1)
        wide = tokens[None].to(self._device, self._pipe.unet.dtype)
        return self._controller.remember(wide)

    def _mean(self, clips: Sequence[Clip]) -> "Tensor | None":
        """The clips' mean latents (1, C, T, h, w), weighed as the spec says."""
        if not clips or not self.wants.pixels:
            return None
        shares = rag_init.shares([clip.source.score for clip in clips], self.spec)
        return self._latents.mean(clips, shares)
