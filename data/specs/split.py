"""The spec of splitting: how long videos are cut into shots."""

from typing import Literal

from pydantic import Field, model_validator

from data.specs.base import Spec


class SplitSpec(Spec):
    """How long videos are cut into shots, and how long these may be."""

    method: Literal["scenes", "transnetv2", "fixed"] = "scenes"
    """scenes: PySceneDetect's adaptive detector, for hard cuts; transnetv2: a network that finds
    dissolves too; fixed: windows of the greatest length, without a look at the pictures."""
    threshold: float | None = Field(None, gt=0)
    """How different two frames must be for a cut; the method's own if left out: 3 for scenes,
    0.5 for transnetv2."""
    least: float = Field(1.0, ge=0)
    """Shortest shot, in seconds: a shorter one joins the shot before it."""
    greatest: float = Field(60.0, gt=0)
    """Longest shot, in seconds: a longer one is cut into equal parts."""

    @model_validator(mode="after")
    def parts_fit(self) -> "SplitSpec":
        """Halves of a shot that is too long must not be too short."""
        if 2 * self.least > self.greatest:
            raise ValueError("greatest must be at least twice as much as least")
        return self
