"""How retrieved motion conditions generation: MotionRAG's part of a generation's spec."""

from typing import Literal

from pydantic import Field

from data.specs.base import Spec


class MotionSpec(Spec):
    """How clips' motion conditions a video. Defaults are MotionRAG's."""

    fusion: Literal["context", "best", "mean"] = "context"
    """How clips' motions become one: predicted in their context, the best clip's, or their mean."""
    scale: float = Field(1.0, ge=0)
    """Strength of the motion in the base's attention; 0 leaves the base as it is."""
    guidance: float = Field(1.0, ge=0)
    """How far to follow the motion, as a factor on the guidance; other than 1 doubles the time."""
    video_encoder: str = "auto"
    """VideoMAE: a folder or name; auto: the release's own, else the published one."""
    image_encoder: str = "auto"
    """DINOv2: a folder or name; auto: the release's own, else the published one."""
