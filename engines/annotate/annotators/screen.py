"""Text in the picture, by rapidocr: PP-OCRv6 on onnxruntime, whose package has its weights."""

import threading
from collections.abc import Iterator, Sequence
from hashlib import sha256
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from data.errors import UserError
from data.outcome import Outcome
from data.records import Video
from data.specs.annotate import ScreenSpec
from data.store.texts import Annotation
from engines.annotate.appearances import Appearances, Line
from engines.annotate.boxes import scale_box
from engines.annotate.changes import differs, measure_parts
from engines.annotate.reading import read_each
from engines.embed.weights import digest_file
from engines.video.frames import Frames, Sampling
from engines.video.guard.guard import Guard
from engines.worker import ModelSetup

VERSION = "1"
NO_TEXT = "no text"
PACKAGE = "rapidocr"


def digest(spec: ScreenSpec) -> str:
    """The digest of rapidocr's version and models; a UserError where it is not installed."""
    found = find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise UserError("--with screen needs rapidocr: pip install 'reelflow[texts]'")
    models = sorted((Path(found.origin).parent / "models").glob("*.onnx"))
    parts = [version(PACKAGE), *(f"{each.name} {digest_file(str(each))}" for each in models)]
    return sha256("\n".join(parts).encode()).hexdigest()


class Annotator:
    """Reads frames in which something has changed."""

    def __init__(self, spec: ScreenSpec) -> None:
        self.spec = spec
        self._computing = threading.Lock()  # another thread would only share the same cores

    def load(self, setup: ModelSetup) -> None:
        """Loads the three models: where text is, which way up, and what it says."""
        from rapidocr import RapidOCR

        self._model = RapidOCR(
            params={
                "Global.log_level": "error",
                "Global.text_score": self.spec.confidence,
                "Det.limit_type": "max",
                "Det.limit_side_len": self.spec.side,
                "EngineConfig.onnxruntime.intra_op_num_threads": setup.threads,
                "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            }
        )

    def annotate(self, videos: Sequence[Video], guard: Guard) -> Iterator[Outcome[Annotation]]:
        """The texts of each video."""
        sampling = Sampling(every_nth=None, fps=self.spec.fps)
        frames = guard.decode(videos, sampling, resize=None)
        return read_each(frames, lambda: _Reader(self.spec, self.read))

    def read(self, pixels: np.ndarray) -> list[Line]:
        """The lines of text in a frame (3, height, width) uint8 RGB, surest spelling as read."""
        picture = np.ascontiguousarray(pixels[::-1].transpose(1, 2, 0))  # BGR, as OpenCV reads
        with self._computing:
            result: Any = self._model(picture)
        if result.boxes is None or result.txts is None:
            return []
        return [
            Line(text.strip(), float(score), scale_box(np.asarray(box), pixels.shape[1:]))
            for text, score, box in zip(result.txts, result.scores, result.boxes, strict=True)
            if score >= self.spec.confidence and sum(map(str.isalnum, text)) >= self.spec.shortest
        ]


class _Reader:
    def __init__(self, spec: ScreenSpec, read: Any) -> None:
        self._spec, self._read = spec, read
        self._appearances = Appearances(spec.alike, spec.absent_s)
        self._parts: np.ndarray | None = None
        self._lines: list[Line] = []

    def add(self, part: Frames) -> None:
        for seconds, pixels in zip(part.seconds.tolist(), part.pixels, strict=True):
            parts = measure_parts(pixels)
            if differs(parts, self._parts, self._spec.change):
                # Compared with the last frame that was read, so that slow changes add up.
                self._parts, self._lines = parts, self._read(pixels)
            self._appearances.add(self._lines, seconds)

    def finish(self) -> Annotation:
        texts = self._appearances.finish()
        return Annotation(tuple(texts)) if texts else Annotation((), NO_TEXT)
