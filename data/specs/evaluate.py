"""Parameters of an evaluation: everything that can change a score."""

from typing import Literal

from pydantic import Field

from data.specs.base import Spec
from data.specs.pipeline import EmbedSpec


class EvaluateSpec(Spec):
    """Metrics, and switches between the published evaluation and its corrected form.

    Defaults are the published ones with two exceptions: every video counts (`remainder`), and a
    clip's tags are queried in the order of its file.
    """

    metrics: tuple[str, ...] = ("temporal_consistency",)
    """Metrics to compute."""
    num_frames: int | None = Field(16, ge=1)
    """Measure the first N frames of each video; all if left out."""
    remainder: Literal["all", "drop"] = "all"
    """drop leaves out the last N mod world_size videos, as the published evaluator does."""
    world_size: int = Field(1, ge=1)
    """Number of GPUs of the published evaluator, used by remainder."""
    tag_order: Literal["file"] = "file"  # published: that of a set, different in every run
    """Order in which a clip's tags are queried."""
    face_channel_order: Literal["bgr", "rgb"] = "bgr"
    """Channel order of the images given to the face detector."""
    face_head: Literal["aux", "main"] = "aux"
    """Which of the face detector's two output heads is used."""
    subject_scope: Literal["subjects+objects", "subjects"] = "subjects+objects"
    """Which annotations of a clip count as its subjects."""
    clip_box: bool = False
    """Clip boxes to the frame."""
    flow_region: Literal["padded", "unpadded"] = "padded"
    """Compute mean optical flow with the padding that its model needs, or without it."""
    clip_dtype: Literal["fp16", "fp32"] = "fp16"
    """Precision of CLIP's weights and features; CPUs compute in fp32 in between."""
    crop: Literal["short", "long"] = "short"
    """Image shown to CLIP: the centre square (short), or the whole frame, padded (long)."""
    clip: EmbedSpec = EmbedSpec(precision="fp32")
    """Model of the metric text_similarity; for videos of a run, its corpus's is used."""
    weights: dict[str, str] = Field(default_factory=dict)
    """Paths of weights by model name, where they differ from the published names."""
