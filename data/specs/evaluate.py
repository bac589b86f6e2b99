"""What an evaluation measures and how: everything that can change a score."""

from typing import Literal

from pydantic import Field

from data.specs.pipeline import EmbedSpec, Spec


class EvaluateSpec(Spec):
    """The metrics and the switches between the published evaluation and its mended form.

    Defaults are the published ones, but for two: every video counts (`remainder`), and the tags of
    a clip are asked for in the order of its file.
    """

    metrics: tuple[str, ...] = ("temporal_consistency",)
    """those to measure"""
    num_frames: int | None = Field(16, ge=1)
    """the first ones of each video; all if left out"""
    remainder: Literal["all", "drop"] = "all"
    """drop: the last N mod world_size videos are left out, as by the published evaluator"""
    world_size: int = Field(1, ge=1)
    """the GPUs of the published evaluator, for remainder"""
    tag_order: Literal["file"] = "file"
    """in which the tags of a clip are asked for"""
    face_channel_order: Literal["bgr", "rgb"] = "bgr"
    """in which the face model sees colours"""
    face_head: Literal["aux", "main"] = "aux"
    """which of the face model's two outputs is compared"""
    subject_scope: Literal["subjects+objects", "subjects"] = "subjects+objects"
    """what of a clip counts as its subjects"""
    clip_box: bool = False
    """boxes are cut at the edge of the frame"""
    flow_region: Literal["padded", "unpadded"] = "padded"
    """of optical flow: with the padding that its model needs, or without"""
    clip_dtype: Literal["fp16", "fp32"] = "fp16"
    """of CLIP's weights and features; without a GPU it computes in single precision in between"""
    crop: Literal["short", "long"] = "short"
    """CLIP sees the centre square, or (long) all of a frame, padded"""
    clip: EmbedSpec = EmbedSpec(precision="fp32")
    """the model of the metric text_similarity, the bank's own"""
    weights: dict[str, str] = Field(default_factory=dict)
    """paths by model; what is hashed is digests"""
