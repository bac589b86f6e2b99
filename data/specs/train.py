"""Parameters of training a controller: architecture, training set and schedule."""

from typing import Literal

from pydantic import Field, model_validator

from data.specs.base import Spec


class ControllerSpec(Spec):
    """Architecture of a RAGME controller; the fields are those of `engines.nets.controller_config`.

    The defaults are the published system's.
    """

    layers: int = Field(8, ge=1)
    """Number of layers of the temporal encoder."""
    mode: Literal["crossattn", "add"] = "crossattn"
    """Whether the UNet attends to the clips, or adds them to its features."""
    tokens: Literal["cls", "mean", "all"] = "cls"
    """Encoder output per clip: its CLS token, the mean of its frames, or all frames."""
    videos: Literal["mean", "loop"] = "loop"
    """Whether clips are averaged, or attended to one after another."""
    spatial_average: bool = True
    """Average the attention queries over the positions of a frame."""
    temporal_average: bool = True
    """Average the attention queries over the frames."""
    only_cross_attention: bool = True
    """Also use the first attention of each block for the clips, not as self-attention."""
    norm: Literal["learned", "unet", "layer"] = "learned"
    """Timestep conditioning: learned embedding, the UNet's embedding, or none (layer)."""
    positions: bool = False
    """Add positions to the encoder's frames, and to queries that are not averaged."""


CONTROLLERS = {
    "ragme": ControllerSpec(),
    "ragme-ordered": ControllerSpec(
        tokens="all", spatial_average=False, temporal_average=False, positions=True
    ),
}


class LessonSpec(Spec):
    """Training-set parameters: frame size, frame rate, and columns that group related videos.

    Each video's neighbours are chosen as in RAGME's training. A CLIP that sees single frames finds
    the same subject, not the same motion: hence `same`.
    """

    width: int = Field(448, ge=8)
    """Width of the training clips, in pixels."""
    height: int = Field(256, ge=8)
    """Height of the training clips, in pixels."""
    fps: float = Field(8, gt=0)
    """Frame rate of the training clips, in frames per second."""
    most: int = Field(64, ge=1)
    """Use at most this many frames of a video, from its start."""
    k: int = Field(5, ge=1)
    """Maximum number of neighbours per video."""
    ceiling: float = 0.99
    """Skip neighbours more similar than this cosine."""
    dedup: float = 0.94
    """Treat two neighbours more similar than this cosine as duplicates and keep one."""
    same: str | None = None
    """Source columns in which a video and its neighbours must agree, e.g. motion,speed."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that `same` names."""
        return tuple(each.strip() for each in (self.same or "").split(",") if each.strip())


class TrainSpec(Spec):
    """How a controller is trained on a frozen base, with RAGME's dropout rates and epsilon loss."""

    base: str | None = None
    """Base model: a pipeline folder in ZeroScope's layout; the bundled one if left out."""
    lesson: LessonSpec = LessonSpec()
    """Training set."""
    architecture: ControllerSpec = ControllerSpec()
    """Architecture of the controller."""
    frames: int = Field(12, ge=1)
    """Number of frames per training window, at most lesson.most."""
    token_every: int = Field(3, ge=1)
    """Use every nth frame of a neighbour's window as a token."""
    text_dropout: float = Field(0.2, ge=0, le=1)
    """Fraction of windows trained without their text, 0–1."""
    retrieval_dropout: float = Field(0.2, ge=0, le=1)
    """Fraction of windows trained without clips, 0–1."""
    steps: int = Field(20_000, ge=1)
    """Number of optimiser steps."""
    rate: float = Field(1e-4, gt=0)
    """Peak learning rate."""
    batch: int = Field(16, ge=1)
    """Windows per optimiser step."""
    average: float = Field(0.999, ge=0, lt=1)
    """Decay of the moving average of the weights, which is what is saved; 0: the last weights."""
    seed: int = Field(0, ge=0)
    """Random seed of the training."""
    precision: Literal["fp32", "bf16"] = "bf16"
    """Compute precision of the training."""
    stored: Literal["fp32", "fp16"] = "fp16"
    """Precision in which the controller is saved."""

    @model_validator(mode="after")
    def enough_frames(self) -> "TrainSpec":
        # Refused here, before a training set is prepared that has no window of this length.
        if self.frames > self.lesson.most:
            raise ValueError("frames must not be more than lesson.most")
        return self
