"""The metric interface: what a plugin in `engines/evaluate/metrics/` receives and returns."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from data.specs.evaluate import EvaluateSpec

if TYPE_CHECKING:
    from engines.evaluate.vision.registry import ModelRegistry


class MissingReference(Exception):
    """The ground truth that a metric compares with is missing; the message says why, for a user."""


class GroundTruth(Protocol):
    """A benchmark's reference vectors of one clip; methods raise `MissingReference` without them.

    Vectors are float32 as the models output them, not normalised.
    """

    def text_vector(self) -> np.ndarray:
        """(d,) CLIP vector of the prompt."""
        ...

    def video_vectors(self) -> np.ndarray:
        """(k, d) CLIP vectors of the real clip's frames."""
        ...

    def video_frames(self) -> np.ndarray:
        """(n, H, W, 3) RGB bytes of the real clip, at the size and rate of the video scored."""
        ...

    def subject_vectors(self) -> Mapping[str, np.ndarray]:
        """(n, 768) DINO vectors of the cut-outs by tag: subjects first, then objects."""
        ...

    def subject_tags(self) -> tuple[str, ...]:
        """The tags that are subjects."""
        ...

    def face_vectors(self) -> np.ndarray:
        """(n, 512) ArcFace vectors of the face crops."""
        ...


class NoReference:
    """The ground truth of a video that is in no benchmark: every method raises."""

    def text_vector(self) -> np.ndarray:
        raise MissingReference("no text embedding")

    def video_vectors(self) -> np.ndarray:
        raise MissingReference("no video embeddings")

    def video_frames(self) -> np.ndarray:
        raise MissingReference("no real video: its column `reference` names none")

    def subject_vectors(self) -> Mapping[str, np.ndarray]:
        raise MissingReference("no subject embeddings")

    def subject_tags(self) -> tuple[str, ...]:
        raise MissingReference("no list of subjects")

    def face_vectors(self) -> np.ndarray:
        raise MissingReference("no face embeddings")


@dataclass(frozen=True)
class Sample:
    """A video to score: (n, height, width, 3) RGB bytes at `fps`.

    `prompt_row` is its row of the prompt table (`prompt` and any other columns), `ground_truth`
    the benchmark's references for its clip.
    """

    frames: np.ndarray
    fps: float
    prompt_row: Mapping[str, str] = field(default_factory=dict)
    ground_truth: GroundTruth = field(default_factory=NoReference)
    _cache: dict[str, Any] = field(default_factory=dict, init=False, repr=False)

    def compute_once(self, name: str, compute: Callable[[], Any]) -> Any:
        """A value that several metrics share, such as CLIP's frame vectors, computed only once."""
        # By name, not by function: plugins do not know each other.
        if name not in self._cache:
            self._cache[name] = compute()
        return self._cache[name]


@dataclass(frozen=True, slots=True)
class Score:
    """A metric's result for one video.

    `value` is None where it cannot be measured; such a score is left out of means. `reason` says
    why it is None, or why it is at its minimum. `parts` are the scores of the video's subjects by
    tag; `value` is their mean.
    """

    value: float | None
    reason: str | None = None
    parts: Mapping[str, "Score"] = field(default_factory=dict)


class Metric(Protocol):
    """A metric plugin is a module with a class `Metric(spec, models)` and three constants.

    `VERSION` is raised when scores change, `MODELS` names the models it takes from the registry,
    and `LABEL` is its column heading. `COLUMNS`, if there, are the columns that it needs of the
    table of prompts: a run without them does not start. `better` gives the good direction for
    each score name. A score depends only on its sample, never on other samples or their order.
    """

    # By score name, as one metric may give several scores.
    better: Mapping[str, Literal["higher", "lower"]]

    def __init__(self, spec: EvaluateSpec, models: "ModelRegistry") -> None: ...

    def score(self, video: Sample) -> Mapping[str, Score]:
        """The scores by name; raises UserError if the spec cannot be followed for any video."""
        ...
