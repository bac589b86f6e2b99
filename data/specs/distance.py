"""What a Fréchet or kernel video distance is made of: everything that can change its value."""

from typing import Literal

from pydantic import Field

from data.specs.pipeline import Spec

Window = Literal["first", "random"]


class ClipSpec(Spec):
    """How a clip becomes a feature."""

    extractor: str = "i3d_k400"
    """a plugin of engines/evaluate/distance/extractors"""
    weights: str | None = None
    """a path; what is hashed of it is its sha256"""
    sha256: str | None = None
    """the digest that the file of weights must have"""
    frames: int = Field(16, ge=1)
    """of a clip"""
    stride: int = Field(1, ge=1)
    """every so manieth of the video's own frames; of fps, where that is set"""
    fps: float | None = Field(None, gt=0)
    """frames a second that a clip is made of; the video's own if left out"""
    resize: Literal["direct", "short"] = "direct"
    """direct ignores the aspect ratio, short fits the short side and crops the centre"""
    antialias: bool = False
    """of the bilinear resize"""
    seed: int = Field(0, ge=0)
    """of the extractor random_projection"""

    @property
    def span(self) -> int:
        """How many frames a clip reaches over, those between included."""
        return (self.frames - 1) * self.stride + 1


class DistanceSpec(Spec):
    """What is compared, and how: one clip a video."""

    protocol: str | None = None
    """the name of the published protocol that this is"""
    clip: ClipSpec = ClipSpec()
    """how a clip becomes a feature"""
    real_window: Window = "first"
    """a video's first frames, or a window that the seed places"""
    generated_window: Window = "first"
    """the same of the generated videos"""
    n_real: int | None = Field(None, ge=2)
    """clips at most, chosen by the seed; all there are if left out"""
    n_generated: int | None = Field(None, ge=2)
    """the same of the generated videos"""
    subsets: int = Field(0, ge=0)
    """the distance is also taken of so many random subsets, drawn without replacement"""
    subset_size: int = Field(256, ge=2)
    """clips of each"""
    seed: int = Field(0, ge=0)
    """of windows, of the videos that are chosen, and of subsets"""


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
