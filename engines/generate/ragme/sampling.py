"""The denoising loop over ZeroScope's parts, with the clips in it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from data.errors import UserError
from data.specs.pipeline import GenerateSpec
from engines.generate.ragme.injection_sites import infused
from engines.generate.ragme.rag_init import Beginning

if TYPE_CHECKING:
    from diffusers import TextToVideoSDPipeline, UNet3DConditionModel
    from torch import Tensor

    from engines.nets.controller import Conditioning, Controller


@dataclass(frozen=True)
class Guided:
    """Noise as it is predicted under guidance by the text, and by the clips where there are any.

    `text` (2, n, C) are the negative prompt's features and the prompt's, or (1, n, C) the prompt's
    alone: no guidance by the text, as diffusers has it for a scale of 1 and less.
    """

    unet: "UNet3DConditionModel"
    text: "Tensor"
    spec: GenerateSpec
    controller: "Controller | None" = None
    said: "Conditioning | None" = None

    def __call__(self, latents: "Tensor", timestep: "Tensor") -> "Tensor":
        """What noise is in latents (1, C, T, h, w).

        With a scale r of the clips' own: e0 + g (e_text - e0) + r (e_clips - e_text), where only
        the last term sees the clips; without one they are in all terms, as in RAGME.
        """
        own = self.spec.rag.guidance
        if self.said is None or own == 0:
            return self._by_text(self._predicted(latents, timestep, self.text))
        if own is None:
            return self._by_text(self._predicted(latents, timestep, self.text, self.said))
        plain = self._predicted(latents, timestep, self.text)
        clips = self._predicted(latents, timestep, self.text[-1:], self.said)
        return self._by_text(plain) + own * (clips - plain[-1:])

    def _predicted(
        self,
        latents: "Tensor",
        timestep: "Tensor",
        text: "Tensor",
        said: "Conditioning | None" = None,
    ) -> "Tensor":
        import torch

        batch = torch.cat([latents] * len(text))
        if said is None or self.controller is None:
            return self.unet(batch, timestep, encoder_hidden_states=text).sample
        with infused(self.unet, self.controller, said.repeat(len(text))):
            return self.unet(batch, timestep, encoder_hidden_states=text).sample

    def _by_text(self, predicted: "Tensor") -> "Tensor":
        if len(predicted) == 1:
            return predicted
        without, with_text = predicted.chunk(2)
        return without + self.spec.guidance * (with_text - without)


def denoised(pipe: "TextToVideoSDPipeline", noise: Guided, beginning: Beginning) -> "Tensor":
    """The latents (1, C, T, h, w) that are left when the noise is out.

    On the same noise, and with nothing from clips, they are diffusers' pipeline's bit for bit.
    """
    unet, scheduler = noise.unet, pipe.scheduler
    latents = beginning.latents.to(noise.text.device, unet.dtype)
    extra = pipe.prepare_extra_step_kwargs(beginning.generator, 0.0)
    for timestep in beginning.timesteps:
        told = noise(scheduler.scale_model_input(latents, timestep), timestep)
        # Schedulers know pictures: frames are folded into the batch.
        frames = latents.transpose(1, 2).flatten(0, 1)
        told = told.transpose(1, 2).flatten(0, 1)
        frames = scheduler.step(told, timestep, frames, **extra).prev_sample
        latents = frames.unflatten(0, (len(latents), -1)).transpose(1, 2)
    return latents


def pictures(pipe: "TextToVideoSDPipeline", latents: "Tensor") -> np.ndarray:
    """(frames, height, width, 3) uint8 RGB of latents (1, C, T, h, w)."""
    video = pipe.video_processor.postprocess_video(pipe.decode_latents(latents), output_type="np")
    if not np.isfinite(video).all():
        said = str(pipe.unet.dtype).removeprefix("torch.")
        raise UserError(f"the model gives what is no number in {said}: take bf16 or fp32")
    return np.rint(video[0] * 255).astype(np.uint8)
