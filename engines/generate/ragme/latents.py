"""Latents of retrieved clips, made once for every window."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from engines.generate.lru import Cache
from engines.generate.protocol import Clip, Spent
from engines.generate.ragme.rag_init import posterior

if TYPE_CHECKING:
    from diffusers import AutoencoderKL
    from torch import Tensor

KEPT_BYTES = 256 << 20  # 780 windows of 12 frames of 448x256


class Latents:
    """Encodes clips, and keeps what it encoded last; `spent` hears of both."""

    def __init__(self, codec: "AutoencoderKL", device: str, spent: Spent) -> None:
        self._codec, self._device, self._spent = codec, device, spent
        self._kept = Cache["Tensor"](KEPT_BYTES, lambda latents: latents.nbytes)

    def mean(self, clips: Sequence[Clip], shares: np.ndarray) -> "Tensor":
        """(1, C, T, h, w) float32 on the CPU: the clips' latents by their shares of one."""
        import torch

        by_key = {clip.key: clip for clip in clips}
        found = self._kept.all(by_key, self._made)
        self._spent.latents_made, self._spent.latents_reused = self._kept.made, self._kept.reused
        weighed = [share * found[clip.key] for share, clip in zip(shares, clips, strict=True)]
        return torch.stack(weighed).sum(dim=0)[None].float()

    def _made(self, clips: Mapping[str, Clip]) -> dict[str, "Tensor"]:
        return {key: self._encoded(clip) for key, clip in clips.items()}

    def _encoded(self, clip: Clip) -> "Tensor":
        """(C, T, h, w) at the scale the UNet knows.

        Drawn from the codec's posterior, as in RAGME, but from a source that hangs on the clip.
        """
        import torch

        assert clip.pixels is not None
        codec = self._codec
        wide = torch.from_numpy(clip.pixels).to(self._device) / 127.5 - 1
        found = codec.encode(wide.to(codec.dtype)).latent_dist.sample(posterior(clip.key))
        return (found.float() * codec.config.scaling_factor).transpose(0, 1).cpu()
