"""What models make of a benchmark's clips, kept as Parquet or as the published files."""

from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

from data.errors import UserError
from data.outcome import Done, Outcome
from data.runs.benchmark import write_clips
from data.runs.evaluations import TruthRef
from data.runs.generations import digest
from data.specs.evaluate import EvaluateSpec
from data.specs.pipeline import fingerprint
from data.store import layout
from data.store.storage import Store
from data.workspace import Workspace
from engines.embed.weights import file_digest
from engines.evaluate.benchmarks.msrvtt_personalization import folder
from engines.evaluate.benchmarks.msrvtt_personalization.embedding import (
    MODELS,
    VERSION,
    Knower,
    Known,
    truth_spec,
)
from engines.evaluate.benchmarks.msrvtt_personalization.embedding_stores import (
    OfficialShelf,
    ParquetShelf,
    Shelf,
    claim,
)
from engines.evaluate.benchmarks.msrvtt_personalization.sources import inputs
from engines.evaluate.vision.registry import absent, digests, found
from tasks.evaluate.benchmark_prepare import refuse_nothing
from tasks.outputs import here
from tasks.progress import Progress, say
from tasks.workers import evaluate_work, evaluate_workers, open_runner

BATCH = 8  # clips that a worker is handed at once


def embed_benchmark(
    workspace: Workspace, source: str, spec: EvaluateSpec, models: Sequence[str] = MODELS
) -> TruthRef:
    """Where in the store the vectors of a folder's clips lie, made now where they are not yet.

    `models` are those that are asked for; what no model that is there makes is said to be missing
    where it is read, as is a clip that cannot be read.
    """
    spec, wanted = truth_spec(spec), [name for name in MODELS if name in models]
    named = sorted(_models(spec, wanted).items())
    made_with = [f"{name} {said}" for name, said in named]
    name = fingerprint(spec, VERSION, *made_with, _digest(source))
    shelf = ParquetShelf(workspace.store, f"{layout.benchmark(name)}/known")
    _embed(workspace, source, spec, wanted, shelf)
    return TruthRef("parquet", workspace.store.path(shelf.folder))


def embed_folder(
    workspace: Workspace, source: str, out: str, spec: EvaluateSpec,
    weights: str | None = None, kept: Literal["parquet", "official"] = "parquet",
    annotations: str | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Makes the vectors of a folder's clips in the folder `out`; what is there stays.

    `weights` is a folder of models under their published names. A UserError where there is none of
    them, or not one clip went through.
    """
    there = found(weights, MODELS) if weights else {}
    spec = truth_spec(spec.model_copy(update={"weights": there | spec.weights}))
    lacking = {name: why for name in MODELS if (why := absent(spec, name))}
    if len(lacking) == len(MODELS):
        raise UserError("; ".join(lacking.values()))
    made = here(out)
    store = Store(str(made.parent))
    half = spec.clip_dtype == "fp16"
    shelf: Shelf = ParquetShelf(store, made.name)
    if kept == "official":
        shelf = OfficialShelf(store, made.name, half)
    rows, new = _embed(workspace, source, spec, MODELS, shelf, annotations)
    table = store.path(_table(shelf))
    refuse_nothing(rows, table)
    return {
        "folder": str(made),
        "clips": len(rows),
        "made": new,
        "absent": lacking,
        "failed": dict(Counter(row["reason"] for row in rows if row["reason"])),
        "table": table,
    }


def _embed(
    workspace: Workspace, source: str, spec: EvaluateSpec, models: Sequence[str], shelf: Shelf,
    annotations: str | None = None,
) -> tuple[list[dict[str, Any]], int]:  # fmt: skip
    """Makes what the shelf lacks; the rows of all clips, and how many were made now."""
    named = folder.clips(Path(source))
    if not named:
        raise UserError(f"no clips in {source}: `reelflow benchmark prepare` makes them")
    work = evaluate_work(workspace.settings)
    at = str(Path(source).absolute())
    make = partial(Knower, at, spec, tuple(models), work, annotations)
    with workspace.only_folder(shelf.store.path(shelf.folder), say):
        shelf.store.drop_partials(shelf.folder)
        claim(shelf, {"version": VERSION, "clip_dtype": spec.clip_dtype, **_models(spec, models)})
        waiting = [Known(clip) for clip in named if not shelf.has(clip)]
        progress, missed = Progress("benchmark", len(waiting)), list[Outcome[Any]]()
        if waiting:
            with open_runner(
                workspace.settings, evaluate_workers(workspace.settings, spec)
            ) as runner:
                for outcome in runner.map(make, waiting, BATCH):
                    if isinstance(outcome, Done):
                        shelf.keep(outcome.id, outcome.value)
                        progress.add(done=1)
                    else:
                        missed.append(outcome)
                        progress.add(failed=1)
        failed = {outcome.id for outcome in missed}
        done = [Done(clip, None) for clip in named if clip not in failed]
        rows = write_clips(shelf.store, _table(shelf), [*done, *missed])
        return rows, len(waiting) - len(missed)


def _table(shelf: Shelf) -> str:
    """Beside the folder, in which only clips are."""
    return f"{shelf.folder}-rows.parquet"


def _models(spec: EvaluateSpec, names: Sequence[str]) -> dict[str, str]:
    """The digest of each model's weights; `absent` where there are none."""
    return dict.fromkeys(names, "absent") | digests(spec, names)


def _digest(source: str) -> str:
    """Stands for all that the clips' vectors are made of."""
    files = (file for clip in folder.clips(Path(source)) for file in inputs(Path(source) / clip))
    return digest([(f"{file.parent.name}/{file.name}", _content(file)) for file in files])


def _content(file: Path) -> str:
    """A file that cannot be read is its clip's to say."""
    try:
        return file_digest(str(file))
    except OSError:
        return ""
