"""Specs of training a controller: what it is made of, what it is shown, for how long."""

from typing import Literal

from pydantic import Field, model_validator

from data.specs import Spec


class ControllerSpec(Spec):
    """What a RAGME controller is made of; the fields are those of `engines.rag.config`.

    The defaults are the published system's. Beyond it, `positions` tells the encoder when in a clip
    a frame is; queries that are not averaged are then told when, and where, in the video they are.
    """

    layers: int = Field(8, ge=1)
    mode: Literal["crossattn", "add"] = "crossattn"
    tokens: Literal["cls", "mean", "all"] = "cls"
    videos: Literal["mean", "loop"] = "loop"
    spatial_average: bool = True
    temporal_average: bool = True
    only_cross_attention: bool = True
    norm: Literal["learned", "unet", "layer"] = "learned"
    positions: bool = False


CONTROLLERS = {
    "ragme": ControllerSpec(),
    "ragme-ordered": ControllerSpec(
        tokens="all", spatial_average=False, temporal_average=False, positions=True
    ),
}


class LessonSpec(Spec):
    """What of a corpus a controller learns from: pictures of this size, at this rate, and kin.

    Each video has up to `k` neighbours, chosen as RAGME's training does. `same` names columns of
    the source, as "motion,speed", in which a video and its neighbours must agree: a CLIP that sees
    single frames finds the same subject, not the same motion. Of a longer video the first `most`
    frames are used.
    """

    width: int = Field(448, ge=8)
    height: int = Field(256, ge=8)
    fps: float = Field(8, gt=0)
    most: int = Field(64, ge=1)
    k: int = Field(5, ge=1)
    ceiling: float = 0.99
    dedup: float = 0.94
    same: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that `same` names."""
        return tuple(each.strip() for each in (self.same or "").split(",") if each.strip())


class TrainSpec(Spec):
    """How a controller is trained on a frozen base: RAGME's shares of dropout, epsilon loss.

    `base` is the path of a pipeline in ZeroScope's layout, None for the bundled one. A step shows
    `batch` windows of `frames`; one frame in `token_every` of a neighbour's window is a token.
    """

    base: str | None = None
    lesson: LessonSpec = LessonSpec()
    architecture: ControllerSpec = ControllerSpec()
    frames: int = Field(12, ge=1)
    token_every: int = Field(3, ge=1)
    text_dropout: float = Field(0.2, ge=0, le=1)
    retrieval_dropout: float = Field(0.2, ge=0, le=1)
    steps: int = Field(20_000, ge=1)
    rate: float = Field(1e-4, gt=0)
    batch: int = Field(16, ge=1)
    average: float = Field(0.999, ge=0, lt=1)
    seed: int = Field(0, ge=0)
    precision: Literal["fp32", "bf16"] = "bf16"
    stored: Literal["fp32", "fp16"] = "fp16"

    @model_validator(mode="after")
    def enough_frames(self) -> "TrainSpec":
        if self.frames > self.lesson.most:
            raise ValueError("frames must not be more than lesson.most")
        return self
