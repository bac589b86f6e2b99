"""Texts without a model: what a stage does with them can be rehearsed with fake videos."""

from collections.abc import Iterator, Sequence

from data.outcome import Outcome
from data.records import Video
from data.specs.annotate import FakeTextSpec
from data.store.texts import Annotation, Text
from engines.annotate.reading import read_each
from engines.video.frames import Frames, Resize, Sampling
from engines.video.guard.guard import Guard
from engines.worker import ModelSetup

VERSION = "1"
SMALL = Resize(8)  # pixels that nobody looks at


def digest(spec: FakeTextSpec) -> str:
    """No weights."""
    return ""


class Annotator:
    """Names each sampled frame by its number."""

    def __init__(self, spec: FakeTextSpec) -> None:
        self.spec = spec

    def load(self, setup: ModelSetup) -> None:
        """Nothing to load."""

    def annotate(self, videos: Sequence[Video], guard: Guard) -> Iterator[Outcome[Annotation]]:
        """A text for each sampled frame."""
        sampling = Sampling(every_nth=None, fps=1 / self.spec.every_s)
        resize = None if all(v.uri.startswith("fake://") for v in videos) else SMALL
        return read_each(guard.decode(videos, sampling, resize), self._open_reader)

    def _open_reader(self) -> "_Reader":
        return _Reader(self.spec.every_s)


class _Reader:
    def __init__(self, every_s: float) -> None:
        self._every_s, self._texts = every_s, list[Text]()

    def add(self, part: Frames) -> None:
        for index, start in zip(part.index.tolist(), part.seconds.tolist(), strict=True):
            self._texts.append(Text(start, start + self._every_s, f"this is frame {index}", 1.0))

    def finish(self) -> Annotation:
        return Annotation(tuple(self._texts))
