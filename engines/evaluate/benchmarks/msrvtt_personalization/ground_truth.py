"""What a benchmark knows of one clip, read when a metric asks for it and not before."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pyarrow as pa

from data.runs.benchmark import Kind, Part, is_name, known_file, read_known
from data.runs.evaluations import TruthRef
from data.store.storage import Store
from engines.evaluate.benchmarks.msrvtt_personalization.official_files import read_parts
from engines.evaluate.protocol import Missing, Nothing, Truth
from engines.evaluate.vision.registry import Models

TAGGED: tuple[Kind, ...] = ("subject", "object", "tag")
MAKERS: Mapping[str, str] = {"text": "clip", "video": "clip", "subject": "dino", "face": "arcface"}


def truth_of(ref: TruthRef, prompt: str | None, models: Models) -> Truth:
    """The truth that a reference names; nothing is opened before it is asked for.

    What cannot be read, is empty, not finite, or not of the width that `models` make, raises
    `Missing` with the reason, and so does a file that would have run something: it is not run.
    """
    match ref.kind:
        case "prompt":
            return Prompted(prompt, models)
        case "sidecars":
            return Recorded(lambda kind: read_parts(f"{ref.path}.", kind), models)
        case "official":
            folder = f"{ref.path.rstrip('/')}/{ref.clip}/"
            return Recorded(lambda kind: read_parts(folder, kind), models, ref.clip)
        case "parquet":
            return Recorded(lambda kind: _stored(ref, kind), models, ref.clip)


class Prompted(Nothing):
    """Nothing is known but the prompt."""

    def __init__(self, prompt: str | None, models: Models) -> None:
        self._prompt, self._models = prompt, models

    def text(self) -> np.ndarray:
        if not self._prompt:
            raise Missing("no prompt")
        return np.asarray(self._models.get("clip").texts([self._prompt])[0], np.float32)


class Recorded:
    """Vectors that were made before; `read` gives the parts of a kind."""

    def __init__(
        self, read: Callable[[Kind], Sequence[Part]], models: Models, clip: str | None = None
    ) -> None:
        self._read, self._models, self._clip = read, models, clip
        self._tags: list[Part] | None = None

    def text(self) -> np.ndarray:
        found: np.ndarray = self._only("text")[0]
        return found

    def video(self) -> np.ndarray:
        return self._only("video")

    def faces(self) -> np.ndarray:
        return self._only("face")

    def subjects(self) -> Mapping[str, np.ndarray]:
        return {part.tag or "": self._checked(part, "subject") for part in self._tagged()}

    def subject_tags(self) -> tuple[str, ...]:
        parts = self._tagged()
        if any(part.kind == "tag" for part in parts):
            raise Missing("which tags are subjects and which objects: no word_tags.json says so")
        return tuple(part.tag or "" for part in parts if part.kind == "subject")

    def _tagged(self) -> list[Part]:
        """Tags with vectors; the others have no cut-out, and so nothing to be compared with."""
        if self._tags is None:
            self._tags = list(self._parts("subject"))
        if not self._tags:
            raise Missing("no subjects")
        if not (held := [part for part in self._tags if part.vectors is not None]):
            raise Missing(self._tags[0].reason or "no subjects")
        return held

    def _only(self, kind: Kind) -> np.ndarray:
        parts = self._parts(kind)
        if not parts:
            raise Missing(f"no {kind} embeddings")
        return self._checked(parts[0], kind)

    def _parts(self, kind: Kind) -> Sequence[Part]:
        if self._clip is not None and not is_name(self._clip):
            raise Missing(f"{self._clip!r} is no name of a clip")
        return self._read(kind)

    def _checked(self, part: Part, kind: Kind) -> np.ndarray:
        name = part.tag or kind
        if part.vectors is None:
            raise Missing(part.reason or f"no {kind} embeddings")
        if part.vectors.ndim != 2:
            raise Missing(f"the embeddings of {name} are no rows of vectors")
        if not part.vectors.size:
            raise Missing(f"the embeddings of {name} are empty")
        if not np.isfinite(part.vectors).all():
            raise Missing(f"the embeddings of {name} are not finite")
        width, made = part.vectors.shape[1], getattr(self._models.get(MAKERS[kind]), "dim", None)
        if made not in (None, width):
            raise Missing(f"the embeddings of {name} are {width} wide, {MAKERS[kind]}'s are {made}")
        return part.vectors


def _stored(ref: TruthRef, kind: Kind) -> list[Part]:
    store, name = Store(ref.path), known_file(ref.clip)
    try:
        return read_known(
            store, name, ("subject", "object", "tag") if kind == "subject" else (kind,)
        )
    except FileNotFoundError as error:
        raise Missing(f"no embeddings of {ref.clip}") from error
    except (OSError, TypeError, ValueError, pa.ArrowException) as error:
        raise Missing(f"the embeddings of {ref.clip} cannot be read: {error}") from error
