"""Specs of training a controller: what it is made of, what it is shown, for how long."""

from typing import Literal

from pydantic import Field, model_validator

from data.specs.pipeline import Spec


class ControllerSpec(Spec):
    """What a RAGME controller is made of; the fields are those of `engines.nets.controller_config`.

    The defaults are the published system's.
    """

    layers: int = Field(8, ge=1)
    """of the temporal encoder"""
    mode: Literal["crossattn", "add"] = "crossattn"
    """the UNet attends to the clips, or has them added"""
    tokens: Literal["cls", "mean", "all"] = "cls"
    """what the encoder gives of a clip: its CLS, the mean of its frames, or all of them"""
    videos: Literal["mean", "loop"] = "loop"
    """clips are averaged, or attended to one beside another"""
    spatial_average: bool = True
    """queries are means over the places of a frame"""
    temporal_average: bool = True
    """queries are means over the frames"""
    only_cross_attention: bool = True
    """the first attention of each block, too, is to the clips, not among the queries"""
    norm: Literal["learned", "unet", "layer"] = "learned"
    """the timestep is seen by an embedding of its own, by the UNet's, or not"""
    positions: bool = False
    """tell the encoder when in a clip a frame is; queries not averaged, when and where they are"""


CONTROLLERS = {
    "ragme": ControllerSpec(),
    "ragme-ordered": ControllerSpec(
        tokens="all", spatial_average=False, temporal_average=False, positions=True
    ),
}


class LessonSpec(Spec):
    """What of a corpus a controller learns from: pictures of this size, at this rate, and kin.

    Each video's neighbours are chosen as RAGME's training does. A CLIP that sees single frames
    finds the same subject, not the same motion: hence `same`.
    """

    width: int = Field(448, ge=8)
    """pixels"""
    height: int = Field(256, ge=8)
    """pixels"""
    fps: float = Field(8, gt=0)
    """frames a second"""
    most: int = Field(64, ge=1)
    """frames that are used of a longer video, the first"""
    k: int = Field(5, ge=1)
    """neighbours of a video, at most"""
    ceiling: float = 0.99
    """the similarity above which a video is no neighbour"""
    dedup: float = 0.94
    """neighbours more alike than this count as one"""
    same: str | None = None
    """columns of the source, as motion,speed, in which a video and its neighbours must agree"""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that `same` names."""
        return tuple(each.strip() for each in (self.same or "").split(",") if each.strip())


class TrainSpec(Spec):
    """How a controller is trained on a frozen base: RAGME's shares of dropout, epsilon loss."""

    base: str | None = None
    """the path of a pipeline in ZeroScope's layout; the bundled one if left out"""
    lesson: LessonSpec = LessonSpec()
    """what of the corpus it learns from"""
    architecture: ControllerSpec = ControllerSpec()
    """what it is made of"""
    frames: int = Field(12, ge=1)
    """of a window; not more than lesson.most"""
    token_every: int = Field(3, ge=1)
    """one frame in so many of a neighbour's window is a token"""
    text_dropout: float = Field(0.2, ge=0, le=1)
    """the share of windows that are shown without their text"""
    retrieval_dropout: float = Field(0.2, ge=0, le=1)
    """the share of windows that are shown without clips"""
    steps: int = Field(20_000, ge=1)
    """of the optimiser"""
    rate: float = Field(1e-4, gt=0)
    """of learning"""
    batch: int = Field(16, ge=1)
    """windows a step"""
    average: float = Field(0.999, ge=0, lt=1)
    """of the weights over steps, which is what is kept; 0: the last ones"""
    seed: int = Field(0, ge=0)
    """of what is drawn"""
    precision: Literal["fp32", "bf16"] = "bf16"
    """what the model computes in"""
    stored: Literal["fp32", "fp16"] = "fp16"
    """what the controller is kept in"""

    @model_validator(mode="after")
    def enough_frames(self) -> "TrainSpec":
        if self.frames > self.lesson.most:
            raise ValueError("frames must not be more than lesson.most")
        return self
