"""What models make of a benchmark's clips: the vectors that videos are compared with."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data.outcome import Done, Failed, Outcome
from data.runs.benchmark import Kind, Part, is_name
from data.specs.evaluate import EvaluateSpec
from engines.evaluate.benchmarks.msrvtt_personalization.sources import Source, source
from engines.evaluate.engine import EvaluateWork
from engines.evaluate.vision.registry import Models, absent
from engines.video.frames import DecodeError
from engines.video.guard.guard import Guard

VERSION = "1"
MODELS = ("clip", "dino", "arcface")


@dataclass(frozen=True, slots=True)
class Known:
    """A clip that vectors are to be made of."""

    id: str


def truth_spec(spec: EvaluateSpec) -> EvaluateSpec:
    """What of a spec the vectors of real clips hang on: CLIP's precision alone.

    Real frames are cropped to their centre, however those of generated videos are.
    """
    return EvaluateSpec(metrics=(), clip_dtype=spec.clip_dtype, weights=spec.weights)


class Knower:
    """The vectors of clips, one clip at a time: what is beside a clip never changes its bits.

    `folder` has a folder for each clip; of `models` those that are absent are left out, and the
    parts say so. Without a GPU one thread computes, as the last bits hang on how many do.
    """

    def __init__(
        self, folder: str, spec: EvaluateSpec, models: Sequence[str], work: EvaluateWork,
        annotations: str | None = None,
    ) -> None:  # fmt: skip
        self.folder, self.spec, self.annotations = folder, truth_spec(spec), annotations
        self.lacking: Mapping[str, str] = {
            name: absent(self.spec, name) or "" if name in models else "not asked for"
            for name in MODELS
        }
        self.work, self.needs = work, work.needs
        self._lane = threading.Lock()

    def load(self) -> None:
        import torch

        if not torch.cuda.is_available():
            torch.set_num_threads(1)
        self._models = Models(self.spec)
        for name in (name for name in MODELS if not self.lacking[name]):
            self._models.get(name)
        work = self.work
        self._guard = Guard(work.decoders, work.decode_deadline_s, work.decoder_memory_gb)

    def run(self, batch: Sequence[Known]) -> Iterator[Outcome[list[Part]]]:
        """The parts of each clip: text, video, subjects, objects, faces."""
        for clip in batch:
            try:
                if not is_name(clip.id):
                    raise DecodeError("rejected", f"{clip.id!r} is no name of a clip")
                with self._lane:
                    parts = self._parts(clip.id)
                yield Done(clip.id, parts)
            except DecodeError as fault:
                yield Failed(clip.id, fault.reason, str(fault))  # type: ignore[arg-type]

    def close(self) -> None:
        self._guard.close()

    def _parts(self, clip: str) -> list[Part]:
        of = source(Path(self.folder) / clip, self._guard, self.annotations)
        return [*self._shown(of), *self._tagged(of), self._faces(of)]

    def _shown(self, of: Source) -> Iterator[Part]:
        if lacking := self.lacking["clip"]:
            yield Part("text", reason=lacking)
            yield Part("video", reason=lacking)
            return
        clip = self._models.get("clip")
        yield Part("text", None, _single(clip.texts([of.caption()])))
        frames = of.frames()
        if len({frame.shape for frame in frames}) > 1:
            raise DecodeError("rejected", "the clip's frames differ in size")
        yield Part("video", None, _single(clip.images(np.stack(frames))))

    def _tagged(self, of: Source) -> Iterator[Part]:
        yield from (self._tag(of, "subject", tag) for tag in of.subjects)
        yield from (self._tag(of, "object", tag) for tag in of.objects)

    def _tag(self, of: Source, kind: Kind, tag: str) -> Part:
        why = self.lacking["dino"]
        seen = [] if why else of.cutouts(tag)
        if not seen:
            return Part(kind, tag, reason=why or f"no cut-out of {tag!r}")
        return Part(kind, tag, self._models.get("dino").embed(seen))

    def _faces(self, of: Source) -> Part:
        why = self.lacking["arcface"]
        seen = [] if why else of.faces()
        if not seen:
            return Part("face", reason=why or "not exactly one subject with a face")
        return Part("face", None, self._models.get("arcface").embed(seen))


def _single(vectors: np.ndarray) -> np.ndarray:
    """In single precision, which holds half precision too."""
    return vectors.astype(np.float32)
