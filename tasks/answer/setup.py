"""How the workers that answer are set up."""

from dataclasses import fields

from data.settings import Settings
from engines.answer.protocol import AnswerSetup
from tasks.workers import build_annotate_setup


def build_answer_setup(settings: Settings) -> AnswerSetup:
    """The set-up of each answering worker: as an annotator's, a decoder reads ahead of a model."""
    base = build_annotate_setup(settings)
    return AnswerSetup(**{each.name: getattr(base, each.name) for each in fields(base)})
