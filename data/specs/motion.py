"""How motion is described and how it conditions generation: MotionRAG's specs."""

from typing import Literal

from pydantic import Field

from data.specs.base import Spec

MotionCompat = Literal["washed_out", "grey_slots", "random_start"]


class MotionSpec(Spec):
    """How clips' motion conditions a video. Defaults are MotionRAG's."""

    fusion: Literal["context", "best", "mean", "score"] = "context"
    """How clips' motions become one: predicted in their context, the best clip's, their mean, or
    their mean weighted by score."""
    source: str | None = Field(None, exclude_if=lambda source: source is None)
    """Video whose motion is taken as it is, a file or an id of the corpus; nothing is retrieved."""
    source_column: str | None = Field(None, exclude_if=lambda column: column is None)
    """Column of the prompts that names such a video for each of them."""
    backwards: bool = Field(False, exclude_if=lambda on: not on)
    """Play clips backwards: a control, since they look the same and move the other way."""
    compat: tuple[MotionCompat, ...] = Field((), exclude_if=lambda names: not names)
    """Faults of the published code to reproduce: washed_out (the picture that CogVideoX's motion is
    predicted for), grey_slots (in place of missing clips), random_start (where a release has no
    start of its own)."""
    scale: float = Field(1.0, ge=0)
    """Strength of the motion in the base's attention; 0 leaves the base as it is."""
    guidance: float = Field(1.0, ge=0)
    """How far to follow the motion, as a factor on the guidance; other than 1 doubles the time."""
    video_encoder: str = "auto"
    """VideoMAE: a folder or name; auto: the release's own, else the published one."""
    image_encoder: str = "auto"
    """DINOv2: a folder or name; auto: the release's own, else the published one."""

    @property
    def takes_one(self) -> bool:
        """Whether each video takes the motion of one that is named, and none is retrieved."""
        return self.source is not None or self.source_column is not None


class MotionFeaturesSpec(Spec):
    """How the motion of a corpus's clips is described, for generation by MotionRAG."""

    controller: str
    """Folder of the MotionRAG release whose networks describe the clips."""
    frames: int = Field(16, ge=2)
    """Number of frames in the window of each clip."""
    fps: float = Field(8.0, gt=0)
    """Frames per second of the window, which lies in the middle of the clip."""
    side: int = Field(256, ge=16)
    """Height and width at which the middle of each frame is decoded, in pixels."""
    video_encoder: str = "auto"
    """VideoMAE: a folder or name; auto: the release's own, else the published one."""
    image_encoder: str = "auto"
    """DINOv2: a folder or name; auto: the release's own, else the published one."""
    patches: bool = Field(False, exclude_if=lambda on: not on)
    """Also store what DINOv2 gives of each first frame (0.5 MB), which `train-motion context`
    needs."""
