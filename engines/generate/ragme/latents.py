"""Latents of retrieved clips, encoded once per window."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from engines.generate.lru import Cache
from engines.generate.protocol import ABSENT, Clip, LatentCacheUse
from engines.generate.ragme.rag_init import posterior_generator

if TYPE_CHECKING:
    from diffusers import AutoencoderKL
    from torch import Tensor

CACHE_BYTES = 256 << 20  # 780 windows of 12 frames of 448x256


class ClipLatents:
    """Encodes clips and caches their latents; `cache_use` counts both kinds."""

    def __init__(self, vae: "AutoencoderKL", device: str, cache_use: LatentCacheUse) -> None:
        self._vae, self._device, self._cache_use = vae, device, cache_use
        self._cache = Cache["Tensor"](CACHE_BYTES, lambda latents: latents.nbytes)

    def mean(self, clips: Sequence[Clip], weights: Sequence[float]) -> "Tensor":
        """(1, C, T, h, w) float32 on the CPU: the mean of the clips' latents by these weights."""
        import torch

        by_key = {clip.key: clip for clip in clips}
        latents = self._cache.get_all(by_key, self._encode_clips)
        self._cache_use.latents_made = self._cache.misses
        self._cache_use.latents_reused = self._cache.hits
        weighted = [weight * latents[clip.key] for weight, clip in zip(weights, clips, strict=True)]
        return torch.stack(weighted).sum(dim=0)[None].float()

    def _encode_clips(self, clips: Mapping[str, Clip]) -> dict[str, "Tensor"]:
        return {key: self._encode_clip(clip) for key, clip in clips.items()}

    def _encode_clip(self, clip: Clip) -> "Tensor":
        """(C, T, h, w) at the scale that the UNet takes.

        Sampled from the VAE's posterior, as in RAGME (ragme.md, section 3.7).
        """
        import torch

        assert clip.pixels is not None
        if clip.key == ABSENT:
            # The published code leaves these latents at zero, which no picture encodes to.
            return self._build_zeros(clip.pixels)
        vae = self._vae
        frames = torch.from_numpy(clip.pixels).to(self._device) / 127.5 - 1
        # With a generator of the clip's own, so that cached latents are those of any request.
        posterior = vae.encode(frames.to(vae.dtype)).latent_dist
        latents = posterior.sample(posterior_generator(clip.key))
        return (latents.float() * vae.config.scaling_factor).transpose(0, 1).cpu()

    def _build_zeros(self, pixels: np.ndarray) -> "Tensor":
        """(C, T, h, w) zeros for pixels (T, 3, height, width)."""
        import torch

        config = self._vae.config
        factor = 2 ** (len(config.block_out_channels) - 1)
        frames, _, height, width = pixels.shape
        return torch.zeros(config.latent_channels, frames, height // factor, width // factor)
