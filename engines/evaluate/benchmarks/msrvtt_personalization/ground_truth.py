"""The ground truth of one clip, read from its files when a metric needs it."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pyarrow as pa

from data.runs.benchmark import Kind, Part, clip_file, is_clip_name, read_clip_parts
from data.runs.evaluations import GroundTruthRef
from data.store.storage import Store
from engines.evaluate.benchmarks.msrvtt_personalization.official_files import read_parts
from engines.evaluate.protocol import GroundTruth, MissingReference, NoReference
from engines.evaluate.vision.registry import ModelRegistry
from engines.files.access import STRICT, UrlPolicy

TAG_KINDS: tuple[Kind, ...] = ("subject", "object", "tag")
MODEL_BY_KIND: Mapping[str, str] = {
    "text": "clip",
    "video": "clip",
    "subject": "dino",
    "face": "arcface",
}


def open_ground_truth(
    ref: GroundTruthRef,
    prompt: str | None,
    models: ModelRegistry,
    policy: UrlPolicy = STRICT,
) -> GroundTruth:
    """The ground truth that `ref` names; its files are opened when a method is called.

    Methods raise `MissingReference` with the reason if vectors are missing, unreadable, empty, not
    finite, of another dimension than `models` output, or in a file that would run code.
    """
    match ref.kind:
        case "prompt" | "video":
            return PromptReference(prompt, models)
        case "sidecars":
            return StoredReference(lambda kind: read_parts(f"{ref.path}.", kind, policy), models)
        case "official":
            folder = f"{ref.path.rstrip('/')}/{ref.clip}/"
            return StoredReference(lambda kind: read_parts(folder, kind, policy), models, ref.clip)
        case "parquet":
            return StoredReference(lambda kind: _read_stored(ref, kind), models, ref.clip)


class PromptReference(NoReference):
    """The ground truth of a video of which only the prompt is known."""

    def __init__(self, prompt: str | None, models: ModelRegistry) -> None:
        self._prompt, self._models = prompt, models

    def text_vector(self) -> np.ndarray:
        if not self._prompt:
            raise MissingReference("no prompt")
        return np.asarray(self._models.get("clip").embed_texts([self._prompt])[0], np.float32)


class StoredReference:
    """Ground truth from stored vectors; `read` returns the parts of a kind."""

    def __init__(
        self, read: Callable[[Kind], Sequence[Part]], models: ModelRegistry, clip: str | None = None
    ) -> None:
        self._read, self._models, self._clip = read, models, clip
        self._tags: list[Part] | None = None

    def text_vector(self) -> np.ndarray:
        vector: np.ndarray = self._read_single("text")[0]
        return vector

    def video_vectors(self) -> np.ndarray:
        return self._read_single("video")

    def video_frames(self) -> np.ndarray:
        raise MissingReference("its ground truth has vectors, no video")

    def face_vectors(self) -> np.ndarray:
        return self._read_single("face")

    def subject_vectors(self) -> Mapping[str, np.ndarray]:
        return {
            part.tag or "": self._check_vectors(part, "subject") for part in self._list_tag_parts()
        }

    def subject_tags(self) -> tuple[str, ...]:
        parts = self._list_tag_parts()
        if any(part.kind == "tag" for part in parts):
            raise MissingReference(
                "no word_tags.json: unknown which tags are subjects and which objects"
            )
        # A published file need not say which tags are subjects: guessing would change the score.
        return tuple(part.tag or "" for part in parts if part.kind == "subject")

    def _list_tag_parts(self) -> list[Part]:
        """The tags that have vectors; the others have no cut-out to compare with."""
        # Read once: both subject methods need them, for every metric.
        if self._tags is None:
            self._tags = list(self._read_parts("subject"))
        if not self._tags:
            raise MissingReference("no subjects")
        if not (present := [part for part in self._tags if part.vectors is not None]):
            raise MissingReference(self._tags[0].reason or "no subjects")
        return present

    def _read_single(self, kind: Kind) -> np.ndarray:
        parts = self._read_parts(kind)
        if not parts:
            raise MissingReference(f"no {kind} embeddings")
        return self._check_vectors(parts[0], kind)

    def _read_parts(self, kind: Kind) -> Sequence[Part]:
        # The name becomes a path, and may come from a table that others made.
        if self._clip is not None and not is_clip_name(self._clip):
            raise MissingReference(f"invalid clip name {self._clip!r}")
        return self._read(kind)

    def _check_vectors(self, part: Part, kind: Kind) -> np.ndarray:
        name = part.tag or kind
        if part.vectors is None:
            raise MissingReference(part.reason or f"no {kind} embeddings")
        if part.vectors.ndim != 2:
            raise MissingReference(f"the embeddings of {name} are not rows of vectors")
        if not part.vectors.size:
            raise MissingReference(f"the embeddings of {name} are empty")
        if not np.isfinite(part.vectors).all():
            raise MissingReference(f"the embeddings of {name} are not finite")
        model = MODEL_BY_KIND[kind]
        # Another width means another model: said here, before numpy fails on the shapes.
        dim, expected = part.vectors.shape[1], getattr(self._models.get(model), "dim", None)
        if expected not in (None, dim):
            raise MissingReference(
                f"the embeddings of {name} have {dim} dimensions, {model}'s have {expected}"
            )
        return part.vectors


def _read_stored(ref: GroundTruthRef, kind: Kind) -> list[Part]:
    kinds = TAG_KINDS if kind == "subject" else (kind,)
    try:
        return read_clip_parts(Store(ref.path), clip_file(ref.clip), kinds)
    # A clip's own fault: its metric is unmeasured, and the others go on.
    except FileNotFoundError as error:
        raise MissingReference(f"no embeddings of {ref.clip}") from error
    except (OSError, TypeError, ValueError, pa.ArrowException) as error:
        raise MissingReference(f"the embeddings of {ref.clip} cannot be read: {error}") from error
