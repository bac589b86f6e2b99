"""The denoising loop over ZeroScope's parts, conditioned on clips."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from data.errors import UserError
from data.specs.pipeline import GenerateSpec
from engines.generate.ragme.injection_sites import inject_clips
from engines.generate.ragme.rag_init import InitialLatents

if TYPE_CHECKING:
    from diffusers import TextToVideoSDPipeline, UNet3DConditionModel
    from torch import Tensor

    from engines.nets.controller import Conditioning, Controller


@dataclass(frozen=True)
class GuidedNoise:
    """Predicts noise under guidance by the text, and by the clips if there are any.

    `text` (2, n, C) are the negative prompt's features and the prompt's, or (1, n, C) the prompt's
    alone: then there is no guidance by the text, as in diffusers for a scale of 1 and less.
    """

    unet: "UNet3DConditionModel"
    text: "Tensor"
    spec: GenerateSpec
    controller: "Controller | None" = None
    conditioning: "Conditioning | None" = None

    def __call__(self, latents: "Tensor", timestep: "Tensor") -> "Tensor":
        """The noise in latents (1, C, T, h, w).

        With a guidance scale r of the clips' own: e0 + g (e_text - e0) + r (e_clips - e_text),
        with the clips in the last term only; without one they are in all terms, as in RAGME
        (arXiv 2504.06672; ragme.md, section 3.9).
        """
        own = self.spec.rag.guidance
        if self.conditioning is None or own == 0:
            return self._guide_by_text(self._predict_noise(latents, timestep, self.text))
        if own is None:
            return self._guide_by_text(
                self._predict_noise(latents, timestep, self.text, self.conditioning)
            )
        # The clips get a call of their own, of the prompt's half only: their term has no negative.
        plain = self._predict_noise(latents, timestep, self.text)
        clips = self._predict_noise(latents, timestep, self.text[-1:], self.conditioning)
        return self._guide_by_text(plain) + own * (clips - plain[-1:])

    def _predict_noise(
        self,
        latents: "Tensor",
        timestep: "Tensor",
        text: "Tensor",
        conditioning: "Conditioning | None" = None,
    ) -> "Tensor":
        import torch

        # One call for both halves, as diffusers does: separate ones would round differently.
        batch = torch.cat([latents] * len(text))
        if conditioning is None or self.controller is None:
            return self.unet(batch, timestep, encoder_hidden_states=text).sample
        with inject_clips(self.unet, self.controller, conditioning.repeat(len(text))):
            return self.unet(batch, timestep, encoder_hidden_states=text).sample

    def _guide_by_text(self, noise: "Tensor") -> "Tensor":
        """Classifier-free guidance (arXiv 2207.12598) over the two halves of the batch."""
        if len(noise) == 1:  # the prompt's alone: see `text`
            return noise
        negative, positive = noise.chunk(2)
        return negative + self.spec.guidance * (positive - negative)


def denoise_latents(
    pipe: "TextToVideoSDPipeline", noise: GuidedNoise, initial: InitialLatents
) -> "Tensor":
    """The latents (1, C, T, h, w) after the last step.

    From the same noise, without clips, they are those of diffusers' pipeline bit for bit.
    """
    unet, scheduler = noise.unet, pipe.scheduler
    latents = initial.latents.to(noise.text.device, unet.dtype)
    extra = pipe.prepare_extra_step_kwargs(initial.generator, 0.0)
    for timestep in initial.timesteps:
        predicted = noise(scheduler.scale_model_input(latents, timestep), timestep)
        # Schedulers take pictures: frames are folded into the batch.
        frames = latents.transpose(1, 2).flatten(0, 1)
        predicted = predicted.transpose(1, 2).flatten(0, 1)
        frames = scheduler.step(predicted, timestep, frames, **extra).prev_sample
        latents = frames.unflatten(0, (len(latents), -1)).transpose(1, 2)
    return latents


def decode_frames(pipe: "TextToVideoSDPipeline", latents: "Tensor") -> np.ndarray:
    """(frames, height, width, 3) uint8 RGB of latents (1, C, T, h, w)."""
    video = pipe.video_processor.postprocess_video(pipe.decode_latents(latents), output_type="np")
    # Half precision may overflow; cast to bytes, NaN would pass for a picture.
    if not np.isfinite(video).all():
        dtype = str(pipe.unet.dtype).removeprefix("torch.")
        raise UserError(f"the model gives NaN or infinite pixels in {dtype}: use bf16 or fp32")
    return np.rint(video[0] * 255).astype(np.uint8)
