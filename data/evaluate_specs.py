"""What an evaluation measures and how: everything that can change a score."""

from typing import Literal

from pydantic import Field

from data.specs import EmbedSpec, Spec


class EvaluateSpec(Spec):
    """The metrics and the switches between the published evaluation and its mended form.

    Defaults are the published ones, but for two: every video counts (`remainder`), and the tags of
    a clip are asked for in the order of its file. `num_frames` are the first ones of each video
    (None: all). `remainder="drop"` leaves out the last N mod `world_size` videos, as the published
    evaluator does on `world_size` GPUs. `clip_dtype="fp16"` has CLIP's weights and features in
    half precision; without a GPU it computes in single precision in between. `clip` is the model
    of `text_similarity`, the bank's own. `weights` are paths by model; what is hashed is digests.
    """

    metrics: tuple[str, ...] = ("temporal_consistency",)
    num_frames: int | None = Field(16, ge=1)
    remainder: Literal["all", "drop"] = "all"
    world_size: int = Field(1, ge=1)
    tag_order: Literal["file"] = "file"
    face_channel_order: Literal["bgr", "rgb"] = "bgr"
    face_head: Literal["aux", "main"] = "aux"
    subject_scope: Literal["subjects+objects", "subjects"] = "subjects+objects"
    clip_box: bool = False
    flow_region: Literal["padded", "unpadded"] = "padded"
    clip_dtype: Literal["fp16", "fp32"] = "fp16"
    crop: Literal["short", "long"] = "short"
    clip: EmbedSpec = EmbedSpec(precision="fp32")
    weights: dict[str, str] = Field(default_factory=dict)
