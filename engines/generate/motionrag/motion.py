"""From clips to the motion tokens that condition a video (motionrag.md, 3.4)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from data.errors import UserError
from data.specs.motion import MotionSpec
from data.store.motion_features import ClipFeatures
from engines.device import deterministic_inference
from engines.generate.lru import Cache
from engines.generate.motionrag.encoders import GREY, ClipEncoders
from engines.generate.motionrag.release import Release

if TYPE_CHECKING:
    from torch import Tensor

CACHE_BYTES = 256 << 20  # 1,300 clips' tokens at the published size


@dataclass(frozen=True)
class ClipTokens:
    """A clip's resampled tokens, (1, q, dim) each: of its motion, and of its first picture."""

    motion: "Tensor"
    appearance: "Tensor"


class MotionPredictor:
    """Predicts the motion of a picture from clips, with one release's networks."""

    def __init__(self, release: Release, encoders: ClipEncoders, spec: MotionSpec) -> None:
        self.release, self.encoders, self.spec = release, encoders, spec
        self._tokens = Cache[ClipTokens](CACHE_BYTES, _count_bytes)
        self.null = self._resample_motion(np.full((2, 3, 64, 64), GREY, np.float32))

    def describe_clips(self, clips: Mapping[str, np.ndarray]) -> dict[str, ClipTokens]:
        """The tokens of windows of clips, (T, 3, H, W) uint8, by their keys, which caches go by."""

        def describe(missing: Mapping[str, np.ndarray]) -> dict[str, ClipTokens]:
            return {
                key: ClipTokens(self._resample_motion(frames), self.resample_picture(frames[0]))
                for key, frames in missing.items()
            }

        return self._tokens.get_all(clips, describe)

    def restore_tokens(self, features: ClipFeatures) -> ClipTokens:
        """The tokens of a clip that the store has described; a UserError for other sizes."""
        import torch

        expected = tuple(self.null.shape[1:])
        if not features.motion.shape == features.appearance.shape == expected:
            raise UserError(
                f"stored motion features are {features.motion.shape}, this release's {expected}:"
                " run `reelflow motion-features` with this release"
            )
        arrays = features.motion, features.appearance
        moved = (torch.from_numpy(each.astype(np.float32))[None] for each in arrays)
        return ClipTokens(*(each.to(self.null.device) for each in moved))

    def resample_picture(self, picture: np.ndarray) -> "Tensor":
        """(1, q, dim) appearance tokens of (3, H, W) uint8."""
        with deterministic_inference():
            features = self.encoders.encode_appearance(picture)
            return self.release.context.condition_proj(features)

    def predict(
        self, picture: np.ndarray, clips: Sequence[ClipTokens], weights: Sequence[float], k: int = 0
    ) -> "Tensor":
        """(1, q, dim) of how the picture will move; clips, at least one, the most similar first.

        By `fusion`: predicted in their context, or their motions' mean by these weights. With
        `grey_slots` clips that are missing of `k` are grey ones, as published.
        """
        import torch

        # Without the transformer: it was trained on several clips, not on how to copy one.
        if self.spec.takes_one or self.spec.fusion != "context":
            shares = torch.tensor(weights, device=self.null.device).view(-1, 1, 1)
            return (torch.cat([clip.motion for clip in clips]) * shares).sum(0, keepdim=True)
        if "grey_slots" in self.spec.compat:
            clips = [*clips, *[self._grey] * (k - len(clips))]
        if "washed_out" in self.spec.compat:
            picture = ((picture.astype(np.float32) + 255) / 2).astype(np.float32)
        motions = torch.cat([clip.motion for clip in reversed(clips)])[None]
        pictures = [clip.appearance for clip in reversed(clips)] + [self.resample_picture(picture)]
        with deterministic_inference():
            return self.release.context(motions, torch.cat(pictures)[None])[:, -1]

    @cached_property
    def _grey(self) -> ClipTokens:
        grey = np.full((3, 64, 64), GREY, np.float32)
        return ClipTokens(self.null, self.resample_picture(grey))

    def _resample_motion(self, frames: np.ndarray) -> "Tensor":
        with deterministic_inference():
            return self.release.resampler(self.encoders.encode_motion(frames))


def _count_bytes(tokens: ClipTokens) -> int:
    return tokens.motion.nbytes + tokens.appearance.nbytes
