"""What a Fréchet or kernel video distance is made of: everything that can change its value."""

from typing import Literal

from pydantic import Field

from data.specs import Spec

Window = Literal["first", "random"]


class ClipSpec(Spec):
    """How a clip becomes a feature.

    A clip is `frames` frames, every `stride`th of the video's own, or of `fps` a second. `direct`
    ignores the aspect ratio, `short` fits the short side and crops the centre; both are bilinear.
    `weights` is a path; what is hashed of it is its `sha256`, which a file must have if it is
    given. `seed` is that of `random_projection`.
    """

    extractor: str = "i3d_k400"
    weights: str | None = None
    sha256: str | None = None
    frames: int = Field(16, ge=1)
    stride: int = Field(1, ge=1)
    fps: float | None = Field(None, gt=0)
    resize: Literal["direct", "short"] = "direct"
    antialias: bool = False
    seed: int = Field(0, ge=0)

    @property
    def span(self) -> int:
        """How many frames a clip reaches over, those between included."""
        return (self.frames - 1) * self.stride + 1


class DistanceSpec(Spec):
    """What is compared, and how: `n_real` and `n_generated` clips at most (None: all there are).

    One clip a video: its first frames, or a window that `seed` places, as it chooses the videos.
    With `subsets`, the distance is also taken of so many random subsets of `subset_size` clips,
    each drawn without replacement. `protocol` names the published protocol that this is.
    """

    protocol: str | None = None
    clip: ClipSpec = ClipSpec()
    real_window: Window = "first"
    generated_window: Window = "first"
    n_real: int | None = Field(None, ge=2)
    n_generated: int | None = Field(None, ge=2)
    subsets: int = Field(0, ge=0)
    subset_size: int = Field(256, ge=2)
    seed: int = Field(0, ge=0)


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
