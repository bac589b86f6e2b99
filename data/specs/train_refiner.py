"""Parameters of training a refiner: clips, corruption, architecture and schedule."""

from typing import Any, Literal

from pydantic import Field, model_validator

from data.specs.pipeline import Spec

MASKS = ("tensor_mask", "sequence_mask", "matrix_mask", "blur", "pixelate", "jpeg")


class ClipsSpec(Spec):
    """The clips that a refiner is trained on: frame size, frame rate, and what belongs together."""

    width: int = Field(64, ge=8)
    """Width of the training clips, in pixels."""
    height: int = Field(64, ge=8)
    """Height of the training clips, in pixels."""
    fps: float = Field(8, gt=0)
    """Frame rate of the training clips, in frames per second."""
    most: int = Field(64, ge=1)
    """Use at most this many frames of a video, from its start."""


class CorruptSpec(Spec):
    """What is done to a clip that the refiner has to undo."""

    grain_least: float = Field(0.005, ge=0, le=1)
    """Least standard deviation of the Gaussian grain, of pixels from 0 to 1; it is cut at 1.5."""
    grain_most: float = Field(0.05, ge=0, le=1)
    """Largest standard deviation of the grain; 0: none."""
    masks: tuple[str, ...] = MASKS
    """Corruptions of which a masked window has one, plugins of engines/refine/corruptions."""
    masked: float = Field(0.5, ge=0, le=1)
    """Fraction of windows that are masked."""

    @model_validator(mode="after")
    def _check_grain(self) -> "CorruptSpec":
        if self.grain_least > self.grain_most:
            raise ValueError("grain_least must not be more than grain_most")
        if self.masked and not self.masks:
            raise ValueError("masked windows need masks: name some, or set masked to 0")
        return self


class TrainRefinerSpec(Spec):
    """How a refiner is trained on real clips, corrupted at random."""

    refiner: Literal["unet", "vq", "fuse"] = "unet"
    """Which network: a U-Net, a VQ autoencoder, or FuseFormer's generator."""
    clips: ClipsSpec = ClipsSpec()
    """Training clips."""
    corrupt: CorruptSpec = CorruptSpec()
    """Corruption of the clips; a VQ autoencoder is trained on clips as they are."""
    architecture: dict[str, Any] = Field(default_factory=dict)
    """Sizes of the network by name, e.g. {"dim": 32}; the others as published."""
    start: str | None = None
    """Weights to start from, a file or folder of an earlier training; random ones if left out."""
    same: str | None = None
    """Columns by which videos are split into training and held-out groups; left out: UCF-101's
    groups (v_Class_gXX_cXX), and each video by itself where ids are not named so."""
    held_out: float = Field(0.1, gt=0, lt=1)
    """Fraction of the groups that is held out, by which training is stopped."""
    window: int = Field(16, ge=2)
    """Frames of a training window, at most clips.most."""
    crop: int | None = Field(None, ge=8)
    """Side of the random square that is cut from a window, in pixels; the whole if left out."""
    adversarial: float = Field(0.0, ge=0)
    """Weight of the discriminator's hinge loss, for fuse; 0.01 as published, 0 without it."""
    steps: int = Field(20_000, ge=1)
    """Number of optimiser steps at most."""
    rate: float = Field(2e-4, gt=0)
    """Peak learning rate."""
    batch: int = Field(4, ge=1)
    """Windows per optimiser step."""
    average: float = Field(0.999, ge=0, lt=1)
    """Decay of the moving average of the weights, which is what is saved; 0: the last weights."""
    evaluate_every: int = Field(250, ge=1)
    """Steps from one measurement of held-out PSNR, and checkpoint, to the next."""
    patience: int = Field(8, ge=1)
    """Stop after this many measurements without a better PSNR."""
    seed: int = Field(0, ge=0)
    """Random seed of the training."""
    precision: Literal["fp32", "bf16"] = "fp32"
    """Compute precision of the training."""
    stored: Literal["fp32", "fp16"] = "fp16"
    """Precision in which the refiner is saved."""

    @model_validator(mode="after")
    def _check_windows(self) -> "TrainRefinerSpec":
        # Refused here, before clips are prepared that have no window of this length.
        if self.window > self.clips.most:
            raise ValueError("window must not be more than clips.most")
        if self.crop and self.crop > min(self.clips.width, self.clips.height):
            raise ValueError("crop must not be more than the clips' width and height")
        if self.adversarial and self.refiner != "fuse":
            raise ValueError("only fuse has a discriminator: set adversarial to 0")
        return self
