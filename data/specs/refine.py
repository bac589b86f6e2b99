"""Parameters of a refinement: everything that can change a refined video."""

from typing import Any

from pydantic import Field, field_validator, model_validator

from data.specs.distance import ClipSpec, DistanceSpec
from data.specs.pipeline import Precision, Spec


class StopSpec(Spec):
    """When a clip is left as it is, before all passes are done."""

    change: float | None = Field(None, gt=0)
    """Stop a clip once a pass changes it by less than this share of its root mean square."""
    drift: float | None = Field(None, gt=0)
    """Stop a clip once its PSNR to the start is below this many decibels."""
    blur: float | None = Field(None, gt=0, lt=1)
    """Stop a clip once its Laplacian energy is below this share of the start's."""


class RefineSpec(Spec):
    """How videos are refined: the refiner, what is done to a clip before it, and how often."""

    refiner: str = "identity"
    """Refiner, a plugin of engines/refine/refiners, e.g. temporal_median or unet."""
    weights: str | None = None
    """Weights of the refiner, a file or folder; the bundled ones if left out."""
    options: dict[str, Any] = Field(default_factory=dict)
    """Options of the refiner by name, e.g. {"radius": 2}."""
    iterations: tuple[int, ...] = (1, 2, 4, 8)
    """Numbers of passes after which videos are kept and measured."""
    corruption: str | None = None
    """Corruption before every pass, a plugin of engines/refine/corruptions; none if left out."""
    corruption_options: dict[str, Any] = Field(default_factory=dict)
    """Options of the corruption by name, e.g. {"boxes": 4}."""
    paste_back: bool = False
    """Put the voxels outside the corruption's holes back after every pass, bit for bit."""
    frames: int | None = Field(None, ge=1)
    """Refine the first N frames of each video; all if left out."""
    window: int = Field(16, ge=1)
    """Frames that the refiner gets at once; a refiner of a fixed number sets its own."""
    overlap: int = Field(4, ge=0)
    """Frames that neighbouring windows share, and blend by weights that sum to one."""
    tile_overlap: int = Field(8, ge=0)
    """Pixels that neighbouring tiles share, where a refiner has a size of its own."""
    batch: int = Field(4, ge=1)
    """Windows of one clip that are computed at once; last bits depend on it."""
    precision: Precision = "fp32"
    """Compute precision of the refiner; clips stay float32 between passes."""
    seed: int = Field(0, ge=0)
    """Random seed; what is drawn depends on it, the clip and the pass, and nothing else."""
    stop: StopSpec = StopSpec()
    """When to stop a clip early."""

    @field_validator("iterations")
    @classmethod
    def _sort_iterations(cls, counts: tuple[int, ...]) -> tuple[int, ...]:
        if not counts or min(counts) < 1:
            raise ValueError("iterations must be numbers from 1 on, such as 1,2,4,8")
        return tuple(sorted(set(counts)))

    @model_validator(mode="after")
    def _check_windows(self) -> "RefineSpec":
        if self.overlap >= self.window:
            raise ValueError(f"overlap {self.overlap} must be less than window {self.window}")
        if self.paste_back and self.corruption is None:
            raise ValueError("paste_back needs a corruption: without holes nothing is refined")
        return self


class PassMeasure(Spec):
    """How passes are measured and compared."""

    metrics: tuple[str, ...] | None = None
    """Metrics to compute; motion and consistency, and text similarity for runs, if left out."""
    distance: DistanceSpec = DistanceSpec(clip=ClipSpec(extractor="pixel_stats"))
    """Distances to the real videos: features, and which frames of a video are its clip."""
    replicates: int = Field(200, ge=20)
    """Bootstrap samples of the clips, for the intervals of distances."""
