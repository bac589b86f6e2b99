"""The annotate stage's engine: an annotator beside its decoder processes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from data.outcome import Outcome
from data.records import Video
from data.specs.annotate import AnnotateSpec
from data.store.texts import Annotation
from engines.base import load_plugin
from engines.video.guard.guard import Guard
from engines.worker import ModelSetup

BUFFER = 8  # blocks of sound (1 MB each) or whole frames (6 MB at 1080p) a decoder may be ahead


class Annotator(Protocol):
    """The class `Annotator(spec)` of a plugin in `engines/annotate/annotators`."""

    def load(self, setup: ModelSetup) -> None:
        """Loads the model, which computes with the set-up's threads, or on its server."""
        ...

    def annotate(self, videos: Sequence[Video], guard: Guard) -> Iterator[Outcome[Annotation]]:
        """One outcome per video, in order. Two threads may call it at once."""
        ...


@dataclass(frozen=True, slots=True)
class AnnotateSetup(ModelSetup):
    """How an annotating worker is set up."""


class VideoAnnotator:
    """Finds one kind of text in videos."""

    def __init__(self, spec: AnnotateSpec, setup: AnnotateSetup) -> None:
        self.spec, self.setup, self.needs = spec, setup, setup.needs

    def load(self) -> None:
        """Loads the model."""
        self.guard = Guard.for_worker(self.setup, BUFFER)
        plugin = load_plugin("annotate.annotators", self.spec.kind)
        self.annotator: Annotator = plugin.Annotator(self.spec)
        self.annotator.load(self.setup)

    def run(self, batch: Sequence[Video]) -> Iterator[Outcome[Annotation]]:
        """One outcome per video, in order."""
        return self.annotator.annotate(batch, self.guard)

    def close(self) -> None:
        """Ends the decoder processes."""
        self.guard.close()
