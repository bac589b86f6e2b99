"""The spec of the dedup stage: which videos count as near-duplicates, and which one is kept."""

from typing import Literal

from pydantic import Field, model_validator

from data.specs.pipeline import Spec

Keep = Literal["longest", "largest", "first"]


class DedupSpec(Spec):
    """How near-duplicates are found, and which video of a group is kept."""

    threshold: float = Field(0.97, gt=0, le=1)
    """Mean cosine of the frames of two videos, aligned in time, from which they are copies."""
    candidates: float = Field(0.9, gt=0, le=1)
    """Cosine of two pooled vectors from which frames are compared, and the least one within a
    group."""
    neighbours: int = Field(20, ge=1)
    """Compare each video with so many nearest ones."""
    pictures: float | None = Field(None, gt=0, le=1)
    """Compare pictures of the videos too, and take those for copies that correlate so much, e.g.
    0.7; the files have to be there."""
    # Not in the fingerprint: it chooses among groups, and finds no others.
    keep: Keep = "longest"
    """Which video of a group is kept: the longest, the largest in pixels, or the first ingested."""

    @model_validator(mode="after")
    def candidates_below_threshold(self) -> "DedupSpec":
        # A lower threshold would else confirm nothing that the candidates do not have.
        if self.candidates > self.threshold:
            return self.model_copy(update={"candidates": self.threshold})
        return self
