"""Evaluations in the store: their videos, their ground truth, and their results."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from data.errors import UserError
from data.store import layout, tables
from data.store.storage import Store

MIN_UNITS = 8  # clips or prompts: below, an interval says more of its assumptions than of scores
TOO_FEW = f"fewer than {MIN_UNITS}"  # as tables and pages say it

GroundTruthKind = Literal["prompt", "sidecars", "official", "parquet", "video"]


@dataclass(frozen=True, slots=True)
class GroundTruthRef:
    """Where the ground truth of a benchmark's clip is read from.

    `sidecars`: files beside the video, with `path` as their stem. `official`: a folder of
    embeddings as the published scripts write it, with a folder for each clip. `parquet`: a folder
    that `data.runs.benchmark` wrote. `video`: the real video at `path`. `prompt`: there is only the
    prompt.
    """

    kind: GroundTruthKind = "prompt"
    path: str = ""
    clip: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """A video to evaluate: the method that made it, for which clip; its location and SHA-256.

    `asked` are texts of its row in the list of videos, such as its prompt, and `truth` its ground
    truth. Both names are in the lists of shards.
    """

    id: str
    clip: str
    method: str
    uri: str
    content: str
    asked: dict[str, str] = field(default_factory=dict)
    truth: GroundTruthRef = field(default_factory=GroundTruthRef)


@dataclass(frozen=True, slots=True)
class Mean:
    """The mean of a metric over the `n` videos of a method that have a value.

    `unmeasured` videos were decoded but have none: a single frame, for example, has no temporal
    consistency. `clips` is of how many clips the `n` are; `low` and `high` bound the mean's 95 %
    interval over clips, and are None where these are too few. `mean` is None if `n` is 0.
    """

    metric: str
    label: str
    better: Literal["higher", "lower"]
    n: int
    unmeasured: int
    mean: float | None
    low: float | None
    high: float | None
    clips: int | None = None  # None in summaries of 0.1.0, whose intervals are over videos


@dataclass(frozen=True, slots=True)
class MethodResult:
    """The results of one method in an evaluation.

    Of `videos`, `failed` could not be read and `dropped` were left out by the spec's `remainder`.
    `absent` gives, by metric, the reason why it was not measured. `size` (`WIDTHxHEIGHT`) and
    `fps` are None unless all videos have the same; `frames` is the most frames measured of one.
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
    """A benchmark's clip that the retrieval corpus has: the same bytes (`exact`) or a near copy.

    A video of kind `group` is a near-duplicate of such a one, with whose similarity it is listed.
    """

    clip: str
    video_id: str
    kind: Literal["exact", "near", "group"]
    similarity: float


@dataclass(frozen=True, slots=True)
class Summary:
    """`summary.json` of an evaluation; `spec` is `EvaluateSpec` without the paths of weights.

    `guarded` names the retrieval corpus that was checked for leaks; without one `leaks` is None.
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


def list_ended_evaluations(store: Store) -> list[str]:
    """The fingerprints of all evaluations that have ended."""
    # The summary is written last: folders without it belong to runs at work or killed.
    folders = store.list_names(layout.EVALUATIONS)
    ended = [folder for folder in folders if store.exists(f"{folder}/summary.json")]
    return [folder.rpartition("/")[2] for folder in ended]


def read_summary(store: Store, evaluation: str) -> Summary:
    """The summary of an evaluation; a UserError if there is none."""
    name = f"{layout.evaluation_folder(evaluation)}/summary.json"
    # Users type the name, which must not lead out of the folder.
    if not evaluation.isalnum() or not store.exists(name):
        raise UserError(f"no evaluation {evaluation!r}: `reelflow evaluations` lists them")
    payload = json.loads(store.read(name))
    methods = tuple(
        MethodResult(**method | {"means": tuple(Mean(**mean) for mean in method["means"])})
        for method in payload["methods"]
    )
    # None (no guard ran) must stay apart from an empty list (no leak found).
    leaks = payload["leaks"] and tuple(Leak(**leak) for leak in payload["leaks"])
    return Summary(**payload | {"methods": methods, "leaks": leaks})


def read_scores(store: Store, evaluation: str) -> Iterator[dict[str, Any]]:
    """Yields the rows of `tables.MEASURES`, in the order of method, clip and metric."""
    name = f"{layout.evaluation_folder(evaluation)}/scores.parquet"
    for batch in tables.iter_batches(store, name):
        yield from batch.to_pylist()


def read_videos(store: Store, evaluation: str) -> Iterator[dict[str, Any]]:
    """Yields the rows of `tables.EVALUATED_VIDEOS`, in the order of method and clip."""
    name = f"{layout.evaluation_folder(evaluation)}/videos.parquet"
    for batch in tables.iter_batches(store, name):
        yield from batch.to_pylist()
