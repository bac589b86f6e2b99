"""Parameters of training MotionRAG: its adapters on a base, and its context transformer."""

from typing import Literal

from pydantic import Field

from data.specs.base import Spec
from data.specs.retrieve import RetrieveSpec
from data.specs.train_refiner import ClipsSpec

SVD = ClipsSpec(width=1024, height=576, fps=8.0)


class TrainAdapterSpec(Spec):
    """How adapters and the motion resampler are trained, a clip its own reference.

    Defaults are those published for Stable Video Diffusion.
    """

    base: str = ""
    """Image-to-video pipeline to adapt: a diffusers folder or name."""
    controller: str | None = None
    """Folder of a release to start from; random networks of the published sizes if left out."""
    clips: ClipsSpec = SVD
    """Training clips."""
    same: str | None = None
    """Columns, with commas between, whose equal values group related videos."""
    frames: int = Field(16, ge=2)
    """Number of frames of a training window."""
    window: Literal["random", "centre"] = "random"
    """Where in a clip its window lies: drawn anew for each step by the seed, or in the middle."""
    video_encoder: str = "auto"
    """VideoMAE: a folder or name; auto: the release's own, else the published one."""
    steps: int = Field(200_000, ge=1)
    """Number of training steps."""
    rate: float = Field(5e-5, gt=0)
    """Learning rate of AdamW."""
    batch: int = Field(2, ge=1)
    """Clips per step and process."""
    clip_gradient: float = Field(0.5, gt=0)
    """Largest norm of a step's gradient."""
    motion_dropout: float = Field(0.15, ge=0, le=1)
    """Fraction of clips that are replaced by a grey one, from which the base gets no motion."""
    text_dropout: float = Field(0.15, ge=0, le=1)
    """Fraction of clips without a text, where the base takes one."""
    average: float = Field(0.999, ge=0, lt=1)
    """Decay per step of the weights' running mean, which is what is saved."""
    seed: int = Field(42, ge=0)
    """Random seed."""
    precision: Literal["fp32", "bf16"] = "bf16"
    """Compute precision; weights are trained in fp32 either way."""


class TrainContextSpec(Spec):
    """How the context transformer and the appearance resampler are trained. As published."""

    controller: str = ""
    """Folder of the release whose context transformer is trained further."""
    fresh: bool = False
    """Start the context transformer from random weights, in the release's sizes."""
    retrieve: RetrieveSpec = RetrieveSpec(k=9, by="caption")
    """Which clips a clip's motion is predicted from: the k best by caption, index or motion."""
    steps: int = Field(50_000, ge=1)
    """Number of training steps."""
    rate: float = Field(1e-4, gt=0)
    """Learning rate of AdamW."""
    batch: int = Field(8, ge=1)
    """Clips per step and process."""
    clip_gradient: float = Field(0.25, gt=0)
    """Largest norm of a step's gradient."""
    average: float = Field(0.999, ge=0, lt=1)
    """Decay per step of the weights' running mean, which is what is saved."""
    seed: int = Field(42, ge=0)
    """Random seed."""
    precision: Literal["fp32", "bf16"] = "bf16"
    """Compute precision; weights are trained in fp32 either way."""
