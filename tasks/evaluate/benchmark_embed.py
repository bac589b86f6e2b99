"""Embeds a benchmark's clips as references, in Parquet or in the published files."""

from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

from data.errors import UserError
from data.outcome import Done, Failed
from data.runs.benchmark import write_clips
from data.runs.evaluations import GroundTruthRef
from data.specs.evaluate import EvaluateSpec
from data.specs.pipeline import fingerprint
from data.stamps import hash_json
from data.store import layout
from data.store.storage import Store
from data.workspace import Workspace
from engines.embed.weights import digest_file
from engines.evaluate.benchmarks.msrvtt_personalization import folder
from engines.evaluate.benchmarks.msrvtt_personalization.embedding import (
    MODELS,
    VERSION,
    BenchmarkClip,
    ReferenceEmbedder,
    to_reference_spec,
)
from engines.evaluate.benchmarks.msrvtt_personalization.embedding_stores import (
    EmbeddingStore,
    OfficialStore,
    ParquetStore,
    verify_manifest,
)
from engines.evaluate.benchmarks.msrvtt_personalization.sources import list_inputs
from engines.evaluate.vision.registry import compute_digests, explain_missing_weights, find_weights
from tasks.evaluate.benchmark_prepare import require_any_clip
from tasks.outputs import require_local
from tasks.progress import Progress
from tasks.service.runner import open_runner
from tasks.service.turns import wait_turn
from tasks.shard import run_items
from tasks.workers import build_evaluate_setup, count_evaluate_workers

BATCH = 8  # clips that a worker gets at once


def embed_benchmark(
    workspace: Workspace, source: str, spec: EvaluateSpec, models: Sequence[str] = MODELS
) -> GroundTruthRef:
    """Embeds the clips of a folder into the store, where they are missing; where they lie.

    `models` are the models to embed with. Vectors of a model without weights, and of a clip that
    cannot be read, carry the reason instead; it is raised where they are read.
    """
    spec, names = to_reference_spec(spec), [name for name in MODELS if name in models]
    digests = [f"{name} {digest}" for name, digest in sorted(_digest_models(spec, names).items())]
    name = fingerprint(spec, VERSION, *digests, _digest_clips(source))
    embeddings = ParquetStore(workspace.store, f"{layout.benchmark_folder(name)}/known")
    _embed_clips(workspace, source, spec, names, embeddings)
    return GroundTruthRef("parquet", workspace.store.path(embeddings.folder))


def embed_folder(
    workspace: Workspace, source: str, out: str, spec: EvaluateSpec,
    weights: str | None = None, kept: Literal["parquet", "official"] = "parquet",
    annotations: str | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Embeds the clips of a folder into the folder `out`; clips that are there already stay.

    `weights` is a folder of models under their published names, `kept` the format of the files.
    A UserError where all weights are missing, or not one clip could be embedded.
    """
    files = find_weights(weights, MODELS) if weights else {}
    spec = to_reference_spec(spec.model_copy(update={"weights": files | spec.weights}))
    missing = {name: why for name in MODELS if (why := explain_missing_weights(spec, name))}
    if len(missing) == len(MODELS):
        raise UserError("; ".join(missing.values()))
    target = require_local(out)
    store = Store(str(target.parent))
    embeddings: EmbeddingStore = ParquetStore(store, target.name)
    if kept == "official":
        embeddings = OfficialStore(store, target.name, half=spec.clip_dtype == "fp16")
    rows, new = _embed_clips(workspace, source, spec, MODELS, embeddings, annotations)
    table = store.path(_table_name(embeddings))
    require_any_clip(rows, table)
    return {
        "folder": str(target),
        "clips": len(rows),
        "made": new,
        "absent": missing,
        "failed": dict(Counter(row["reason"] for row in rows if row["reason"])),
        "table": table,
    }


def _embed_clips(
    workspace: Workspace, source: str, spec: EvaluateSpec, models: Sequence[str],
    embeddings: EmbeddingStore, annotations: str | None = None,
) -> tuple[list[dict[str, Any]], int]:  # fmt: skip
    """Embeds the clips that the store lacks; a row for each clip, and how many are new."""
    names = folder.list_clips(Path(source))
    if not names:
        raise UserError(f"no clips in {source}: make them with `reelflow benchmark prepare`")
    setup = build_evaluate_setup(workspace.settings)
    path = str(Path(source).absolute())
    make = partial(ReferenceEmbedder, path, spec, tuple(models), setup, annotations)
    with workspace.lock_local_folder(embeddings.store.path(embeddings.folder), wait_turn):
        embeddings.store.drop_partials(embeddings.folder)
        # One folder holds vectors of one kind: those of other weights or precision are refused.
        manifest = {"version": VERSION, "clip_dtype": spec.clip_dtype}
        verify_manifest(embeddings, manifest | _digest_models(spec, models))
        missing = [BenchmarkClip(clip) for clip in names if not embeddings.has_clip(clip)]
        progress, failures = Progress("benchmark", len(missing)), list[Failed]()
        if missing:
            workers = count_evaluate_workers(workspace.settings, spec)
            with open_runner(workspace.settings, workers) as runner:
                for clip, outcome in run_items(runner, make, missing, BATCH, progress):
                    if isinstance(outcome, Done):
                        embeddings.save_clip(clip.id, outcome.value)
                    else:
                        failures.append(outcome)
        failed = {failure.id for failure in failures}
        done = [Done(clip, None) for clip in names if clip not in failed]
        rows = write_clips(embeddings.store, _table_name(embeddings), [*done, *failures])
        return rows, len(missing) - len(failures)


def _table_name(embeddings: EmbeddingStore) -> str:
    """The table of rows: beside the folder, since every file in that is a clip."""
    return f"{embeddings.folder}-rows.parquet"


def _digest_models(spec: EvaluateSpec, names: Sequence[str]) -> dict[str, str]:
    """The digest of each model's weights; `absent` where there are none."""
    return dict.fromkeys(names, "absent") | compute_digests(spec, names)


def _digest_clips(source: str) -> str:
    """A digest of all files that the clips' vectors depend on."""
    files = (
        file
        for clip in folder.list_clips(Path(source))
        for file in list_inputs(Path(source) / clip)
    )
    return hash_json([(f"{file.parent.name}/{file.name}", _digest_file(file)) for file in files])


def _digest_file(file: Path) -> str:
    # A file that cannot be read must not fail the run here: embedding makes it a row of its clip.
    try:
        return digest_file(str(file))
    except OSError:
        return ""
