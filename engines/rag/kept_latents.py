"""Latents of retrieved clips, made once for every window."""

from collections import OrderedDict
from typing import TYPE_CHECKING

from engines.generation import Clip, Spent
from engines.rag.noise import posterior

if TYPE_CHECKING:
    from diffusers import AutoencoderKL
    from torch import Tensor

KEPT = 256  # windows: 88 MB of 12 frames at 448 x 256


class KeptLatents:
    """Encodes clips, and keeps what it encoded last."""

    def __init__(self, codec: "AutoencoderKL", spent: Spent) -> None:
        self._codec, self._spent = codec, spent
        self._kept: OrderedDict[str, Tensor] = OrderedDict()

    def of(self, clip: Clip) -> "Tensor":
        """(C, T, h, w) float32 on the CPU, of the clip's pixels, at the scale the UNet knows.

        Drawn from the codec's posterior, as in RAGME, but from a source that hangs on the clip.
        """
        if clip.key in self._kept:
            self._spent.latents_reused += 1
            self._kept.move_to_end(clip.key)
        else:
            self._spent.latents_made += 1
            self._kept[clip.key] = self._encoded(clip)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return self._kept[clip.key]

    def _encoded(self, clip: Clip) -> "Tensor":
        import torch

        assert clip.pixels is not None
        codec = self._codec
        wide = torch.from_numpy(clip.pixels).to(codec.device) / 127.5 - 1
        found = codec.encode(wide.to(codec.dtype)).latent_dist.sample(posterior(clip.key))
        return (found.float() * codec.config.scaling_factor).transpose(0, 1).cpu()
