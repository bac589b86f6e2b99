"""What a metric is: a module in `engines/evaluate/`, what it is given, and what it gives."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from data.specs.evaluate import EvaluateSpec

if TYPE_CHECKING:
    from engines.evaluate.vision.registry import Models


class Missing(Exception):
    """What a metric compares a video with is not there; the text says what, for a person."""


class Truth(Protocol):
    """What a benchmark knows of a clip; each method raises `Missing` where it does not know.

    Vectors are float32 as the models gave them, not normalised.
    """

    def text(self) -> np.ndarray:
        """(d,) CLIP's vector of the prompt."""
        ...

    def video(self) -> np.ndarray:
        """(k, d) CLIP's vectors of the real clip's frames."""
        ...

    def subjects(self) -> Mapping[str, np.ndarray]:
        """(n, 768) DINO's vectors of the cut-outs, by tag: subjects, then objects."""
        ...

    def subject_tags(self) -> tuple[str, ...]:
        """Which of the tags are subjects."""
        ...

    def faces(self) -> np.ndarray:
        """(n, 512) ArcFace's vectors of the face crops."""
        ...


class Nothing:
    """The truth of a video that no benchmark knows."""

    def text(self) -> np.ndarray:
        raise Missing("no text embedding")

    def video(self) -> np.ndarray:
        raise Missing("no video embeddings")

    def subjects(self) -> Mapping[str, np.ndarray]:
        raise Missing("no subject embeddings")

    def subject_tags(self) -> tuple[str, ...]:
        raise Missing("no list of subjects")

    def faces(self) -> np.ndarray:
        raise Missing("no face embeddings")


@dataclass(frozen=True)
class Sample:
    """A video to be measured: (n, height, width, 3) RGB bytes at `fps`.

    `asked` is the row of its prompt (`prompt`, and what else the table says), `truth` what the
    benchmark knows of its clip.
    """

    frames: np.ndarray
    fps: float
    asked: Mapping[str, str] = field(default_factory=dict)
    truth: Truth = field(default_factory=Nothing)
    _made: dict[str, Any] = field(default_factory=dict, init=False, repr=False)

    def once(self, name: str, make: Callable[[], Any]) -> Any:
        """What metrics share of a video, as CLIP's vectors of its frames: made once."""
        if name not in self._made:
            self._made[name] = make()
        return self._made[name]


@dataclass(frozen=True, slots=True)
class Score:
    """What a metric says of a video.

    `value` is None where it cannot be measured, and counts in no mean; `reason` says why it is
    None, or why it is no better than its worst. `parts` are the scores of the video's subjects, by
    tag, of which `value` is the mean.
    """

    value: float | None
    reason: str | None = None
    parts: Mapping[str, "Score"] = field(default_factory=dict)


class Metric(Protocol):
    """A module in `engines/evaluate/` has a class `Metric(spec, models)`, and three constants.

    `VERSION` is raised where scores change, `MODELS` names what it takes of `Models`, and `LABEL`
    is how tables head it. `better` says for each name that it scores which way is good. A score
    hangs on the sample alone: not on what was scored before, nor beside it.
    """

    better: Mapping[str, Literal["higher", "lower"]]

    def __init__(self, spec: EvaluateSpec, models: "Models") -> None: ...

    def score(self, video: Sample) -> Mapping[str, Score]:
        """The scores by name. A UserError where the spec cannot be followed at all."""
        ...
