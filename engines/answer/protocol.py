"""The answer stage's part of the protocol of models; `engines/video_model.py` has the rest."""

from dataclasses import dataclass

from engines.video_model import Prompt, Reply, VideoModel
from engines.worker import ModelSetup

__all__ = ["AnswerSetup", "Prompt", "Reply", "VideoModel"]


@dataclass(frozen=True, slots=True)
class AnswerSetup(ModelSetup):
    """How an answering worker is set up."""
