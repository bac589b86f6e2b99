"""Builds an evaluation from options: its videos, metrics, weights and ground truth."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from data.errors import UserError
from data.runs.evaluation_plans import Evaluation
from data.runs.generations import read_run
from data.runs.published import BENCHMARK
from data.runs.refinements import find_run
from data.specs.evaluate import EvaluateSpec
from data.specs.models import name_model
from data.specs.pipeline import EmbedSpec
from data.workspace import Workspace
from engines.base import load_plugin
from engines.evaluate.engine import find_missing_weights
from engines.evaluate.vision.registry import compute_digests, find_weights
from tasks.evaluate.benchmark_embed import embed_benchmark
from tasks.evaluate.ground_truth import digest_ground_truths, find_ground_truth
from tasks.evaluate.targets import Layout, Source, apply_remainder, list_targets
from tasks.prepare_model import prepare_model
from tasks.prompts import read_columns
from tasks.stages import choose_embed_spec

# The published metrics of each mode, in the order of its configuration.
MODES = {
    "subject": ("text_clip_similarity", "video_clip_similarity", "subject_dino_similarity",
                "dynamic_degree", "temporal_consistency"),
    "face": ("text_clip_similarity", "video_clip_similarity", "arcface_similarity",
             "dynamic_degree", "temporal_consistency"),
}  # fmt: skip
EMBEDDED = {"clip", "dino", "arcface"}  # models whose vectors a benchmark's ground truth holds


def build_evaluation(
    workspace: Workspace, source: Source, spec: EvaluateSpec, weights: str | None = None,
    benchmark: str | None = None,
) -> Evaluation:  # fmt: skip
    """The evaluation of a source's videos; `weights` is a folder of models besides the spec's.

    A miniature without ground truth is embedded first. A UserError where there are no videos, or
    the weights of all metrics are missing.
    """
    spec = _resolve_spec(workspace, source, spec, weights)
    missing, present = split_metrics(spec)
    models = _list_models(present)
    if source.layout == "miniature" and source.truth is None and EMBEDDED & set(models):
        source = replace(source, truth=embed_benchmark(workspace, source.name, spec, models))
    targets, dropped = apply_remainder(list_targets(workspace, source), spec)
    # A few videos without a row are usual, see `list_targets`: these are not measured.
    require_columns(present, {target.clip: target.asked for target in targets if target.asked})
    return Evaluation(
        source.name, _check_benchmark(benchmark, source), source.mode, spec, tuple(targets),
        {name: load_plugin("evaluate.metrics", name).VERSION for name in present},
        compute_digests(spec, models), digest_ground_truths(targets), dropped, missing,
    )  # fmt: skip


def plan_measure(
    metrics: tuple[str, ...], prompts: str, weights: str | None = None
) -> EvaluateSpec:
    """How an experiment measures these prompts' videos; `weights` is a folder of models.

    Raises what `check_measures` does. All frames count: the scores are compared with each other,
    not with published ones.
    """
    files = find_weights(weights, _list_models(metrics)) if weights else {}
    spec = EvaluateSpec(metrics=metrics, num_frames=None, weights=files)
    check_measures(spec, prompts)
    return spec


def check_measures(spec: EvaluateSpec, prompts: str) -> None:
    """Raises what would end the evaluation of these prompts' videos, before there are any."""
    require_columns(split_metrics(spec)[1], read_columns(prompts))


def split_metrics(spec: EvaluateSpec) -> tuple[dict[str, str], list[str]]:
    """Metrics without weights, with what fetches them, and the others; a UserError without any."""
    missing = find_missing_weights(spec)
    present = [name for name in spec.metrics if name not in missing]
    if not present:
        raise UserError("; ".join(f"{name}: {why}" for name, why in missing.items()))
    return missing, present


def require_columns(metrics: Sequence[str], rows: Mapping[str, Mapping[str, str]]) -> None:
    """Raises a UserError where a metric needs a column that a prompt lacks; rows by prompt."""
    for name in metrics:
        needed = getattr(load_plugin("evaluate.metrics", name), "COLUMNS", ())
        for id, row in (rows or {"": {}}).items():  # without any row there is no table of prompts
            if lacking := [column for column in needed if column not in row]:
                place = f"prompt {id!r}" if rows else "the videos"
                raise UserError(
                    f"{name} needs the columns {', '.join(needed)} of the prompts; {place} lacks"
                    f" {', '.join(lacking)}: add them to the table of prompts, or choose other"
                    " metrics"
                )


def _check_benchmark(benchmark: str | None, source: Source) -> str | None:
    """The benchmark's name; None for plain videos. Modes, sidecars and miniatures imply it."""
    if benchmark not in (None, BENCHMARK):
        raise UserError(f"unknown benchmark {benchmark!r}: the only one is {BENCHMARK}")
    return BENCHMARK if benchmark or source.mode or source.layout != "folder" else None


def build_source(
    name: str, layout: Layout = "folder", mode: str | None = None,
    methods: Sequence[str] | None = None, prompts: str | None = None, truth: str | None = None,
) -> Source:  # fmt: skip
    """The source of videos that these options describe."""
    return Source(
        name,
        layout,
        mode,
        tuple(methods or ()),
        prompts,
        find_ground_truth(truth) if truth else None,
    )


def choose_metrics(
    metrics: Sequence[str] | None, mode: str | None, default: tuple[str, ...]
) -> tuple[str, ...]:
    """The requested metrics, else those published for the mode, else the default ones."""
    return tuple(metrics) if metrics else MODES[mode] if mode else default


def _resolve_spec(
    workspace: Workspace, source: Source, spec: EvaluateSpec, weights: str | None
) -> EvaluateSpec:
    """The spec with weights found and, for a run, the CLIP that its corpus is searched with."""
    metrics = tuple(dict.fromkeys(spec.metrics))
    files = find_weights(weights, _list_models(metrics)) if weights else {}
    changes = {"metrics": metrics, "weights": files | spec.weights}
    clip = _choose_clip(workspace, source, spec.clip, "bank_clip" in _list_models(metrics))
    return spec.model_copy(update=changes | {"clip": clip})


def _choose_clip(workspace: Workspace, source: Source, clip: EmbedSpec, is_used: bool) -> EmbedSpec:
    """The CLIP of a run's corpus, else the requested one, else a real one."""
    if source.is_run and (run := find_run(workspace.store, source.name)):
        return choose_embed_spec(workspace, read_run(workspace.store, run).corpus, None)
    # Unused, it is what it was when the bundled model was the default: it is in the fingerprint.
    clip = name_model(clip, made=not is_used)
    if is_used:
        try:
            prepare_model(clip)
        except UserError as error:
            options = "here as --clip-model, --clip-weights and --clip-engine"
            raise UserError(f"text_similarity: {error} ({options})") from error
    return clip


def _list_models(metrics: Sequence[str]) -> list[str]:
    """The models that these metrics use, each once."""
    return list(
        dict.fromkeys(m for name in metrics for m in load_plugin("evaluate.metrics", name).MODELS)
    )
