"""Evaluations in the store: what is evaluated, where its truth is, and what was found."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from data.errors import UserError
from data.store import layout, tables
from data.store.storage import Store

TruthKind = Literal["prompt", "sidecars", "official", "parquet"]


@dataclass(frozen=True, slots=True)
class TruthRef:
    """Where what a benchmark knows of a clip is read from.

    `sidecars`: files beside the video, `path` being its stem. `official`: a folder of embeddings
    as the published scripts write it, with a folder for each clip. `parquet`: a folder of ours.
    `prompt`: nothing but the prompt is known.
    """

    kind: TruthKind = "prompt"
    path: str = ""
    clip: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """A video to be evaluated: which method made it of which clip, where it lies, its SHA-256."""

    id: str
    clip: str
    method: str
    uri: str
    content: str
    asked: dict[str, str] = field(default_factory=dict)
    truth: TruthRef = field(default_factory=TruthRef)


@dataclass(frozen=True, slots=True)
class Mean:
    """A metric of a method: the mean of the `n` videos that it could be measured of.

    `unmeasured` videos were decoded yet have no value, as one frame has no consistency; `low` and
    `high` bound the mean's 95 % bootstrap interval. `mean` is None where `n` is 0.
    """

    metric: str
    label: str
    better: Literal["higher", "lower"]
    n: int
    unmeasured: int
    mean: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class MethodResult:
    """What an evaluation says of one method.

    Of `videos`, `failed` could not be read and `dropped` were left out by the spec's `remainder`.
    `absent` says by metric why it was not measured at all. `size` is `WIDTHxHEIGHT`, where all
    videos have the same, as `fps` is; `frames` is how many of each were measured at most.
    """

    method: str
    videos: int
    failed: int
    dropped: int
    means: tuple[Mean, ...]
    absent: dict[str, str]
    size: str | None = None
    fps: float | None = None
    frames: int | None = None


@dataclass(frozen=True, slots=True)
class Leak:
    """A clip of the benchmark that the bank has: the same bytes (`exact`), or nearly the same."""

    clip: str
    video_id: str
    kind: Literal["exact", "near"]
    similarity: float


@dataclass(frozen=True, slots=True)
class Summary:
    """`summary.json` of an evaluation; `spec` is `EvaluateSpec` without the paths of weights.

    `leaks` is None where no bank was tested: `guarded` names the corpus that was.
    """

    evaluation: str
    made: str
    source: str
    benchmark: str | None
    mode: str | None
    spec: dict[str, Any]
    versions: dict[str, str]
    digests: dict[str, str]
    methods: tuple[MethodResult, ...]
    guarded: str | None = None
    leaks: tuple[Leak, ...] | None = None


def read_summary(store: Store, evaluation: str) -> Summary:
    """The summary as it was written; a UserError where there is none."""
    name = f"{layout.evaluation(evaluation)}/summary.json"
    if not evaluation.isalnum() or not store.exists(name):
        raise UserError(f"no evaluation {evaluation!r}: `reelflow evaluations` lists them")
    said = json.loads(store.read(name))
    methods = tuple(
        MethodResult(**method | {"means": tuple(Mean(**mean) for mean in method["means"])})
        for method in said["methods"]
    )
    leaks = said["leaks"] and tuple(Leak(**leak) for leak in said["leaks"])
    return Summary(**said | {"methods": methods, "leaks": leaks})


def scores(store: Store, evaluation: str) -> Iterator[dict[str, Any]]:
    """The rows of `tables.MEASURES`, in the order of method, clip and metric."""
    for batch in tables.batches(store, f"{layout.evaluation(evaluation)}/scores.parquet"):
        yield from batch.to_pylist()


def videos(store: Store, evaluation: str) -> Iterator[dict[str, Any]]:
    """The rows of `tables.EVALUATED`, in the order of method and clip."""
    for batch in tables.batches(store, f"{layout.evaluation(evaluation)}/videos.parquet"):
        yield from batch.to_pylist()
