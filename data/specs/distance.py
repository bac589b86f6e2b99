"""Parameters of a Fréchet or kernel video distance: everything that can change its value."""

from typing import Literal

from pydantic import Field

from data.specs.base import Spec

Window = Literal["first", "random"]


class ClipSpec(Spec):
    """Which frames make up a clip, and how its feature vector is computed."""

    extractor: str = "i3d_k400"
    """Feature extractor, e.g. i3d_k400, r3d_18, pixel_stats or random_projection."""
    weights: str | None = None
    """Path of the extractor's weights."""
    sha256: str | None = None
    """SHA-256 that the weights must have; required for TorchScript files."""
    frames: int = Field(16, ge=1)
    """Number of frames per clip."""
    stride: int = Field(1, ge=1)
    """Take every nth frame, of the video or of those resampled by fps."""
    fps: float | None = Field(None, gt=0)
    """Resample to this many frames per second; the video's own rate if left out."""
    resize: Literal["direct", "short"] = "direct"
    """direct ignores the aspect ratio; short fits the short side and crops the centre."""
    antialias: bool = False
    """Antialias the bilinear resize."""
    seed: int = Field(0, ge=0)
    """Random seed of the extractor random_projection."""

    @property
    def span(self) -> int:
        """The number of source frames from a clip's first to its last, skipped ones included."""
        return (self.frames - 1) * self.stride + 1


class DistanceSpec(Spec):
    """Which clips are compared, one per video, and how."""

    protocol: str | None = None
    """Published protocol that these parameters reproduce."""
    clip: ClipSpec = ClipSpec()
    """How a clip is turned into a feature vector."""
    real_window: Window = "first"
    """Frames of a real video to use: its first ones, or a random window."""
    generated_window: Window = "first"
    """Frames of a generated video to use: its first ones, or a random window."""
    n_real: int | None = Field(None, ge=2)
    """Maximum number of real clips, sampled with the seed; all if left out."""
    n_generated: int | None = Field(None, ge=2)
    """Maximum number of generated clips, sampled with the seed; all if left out."""
    subsets: int = Field(0, ge=0)
    """Also report mean and standard deviation over this many random subsets."""
    subset_size: int = Field(256, ge=2)
    """Number of clips per subset."""
    seed: int = Field(0, ge=0)
    """Random seed of windows, sampled clips and subsets."""


# Published protocols: their numbers compare only if every field is as published (fvd.md).
PROTOCOLS = {
    "google-direct": DistanceSpec(protocol="google-direct"),
    "stylegan-v-16f-2048": DistanceSpec(
        protocol="stylegan-v-16f-2048", real_window="random", n_real=2048, n_generated=2048
    ),
    "cdfvd-videomae": DistanceSpec(
        protocol="cdfvd-videomae", clip=ClipSpec(extractor="videomae_v2_ssv2"),
        real_window="random", generated_window="random", n_generated=2048, seed=42,
    ),
}  # fmt: skip
