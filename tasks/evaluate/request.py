"""What an evaluation is asked: which videos, by which metrics, with which weights and truths."""

from collections.abc import Sequence
from dataclasses import replace

from data.errors import UserError
from data.runs.evaluation_plans import Evaluation
from data.runs.evaluations import TruthRef
from data.runs.generations import run_of
from data.runs.published import BENCHMARK
from data.shards.stages import spec_in_use
from data.specs.evaluate import EvaluateSpec
from data.specs.pipeline import EmbedSpec
from data.workspace import Workspace
from engines.base import plugin
from engines.evaluate.engine import lacking
from engines.evaluate.vision.registry import digests, found
from tasks.evaluate.benchmark_embed import embed_benchmark
from tasks.evaluate.ground_truth import truth_digests, truth_in
from tasks.evaluate.targets import Layout, Source, kept, targets

# Of each mode the published metrics, in the order of its configuration.
MODES = {
    "subject": ("text_clip_similarity", "video_clip_similarity", "subject_dino_similarity",
                "dynamic_degree", "temporal_consistency"),
    "face": ("text_clip_similarity", "video_clip_similarity", "arcface_similarity",
             "dynamic_degree", "temporal_consistency"),
}  # fmt: skip
EMBEDDED = {"clip", "dino", "arcface"}  # models whose vectors a benchmark's truth holds


def ask(
    workspace: Workspace, source: Source, spec: EvaluateSpec, weights: str | None = None,
    benchmark: str | None = None,
) -> Evaluation:  # fmt: skip
    """The evaluation of a source's videos, with the weights that lie in a folder beside the spec's.

    A UserError where there are no videos, or not one of the metrics can be measured.
    """
    spec = _weighed(workspace, source, spec, weights)
    absent = lacking(spec)
    present = [name for name in spec.metrics if name not in absent]
    if not present:
        raise UserError("; ".join(f"{name}: {why}" for name, why in absent.items()))
    models = _models(present)
    if source.layout == "miniature" and source.truth is None and EMBEDDED & set(models):
        source = replace(source, truth=_embedded(workspace, source, spec, models))
    some, dropped = kept(targets(workspace, source), spec)
    return Evaluation(
        source.name, _named(benchmark, source), source.mode, spec, tuple(some),
        {name: plugin("evaluate.metrics", name).VERSION for name in present}, digests(spec, models),
        truth_digests(some), dropped, absent,
    )  # fmt: skip


def _named(benchmark: str | None, source: Source) -> str | None:
    """What modes, sidecars and miniatures are of is told by them."""
    if benchmark not in (None, BENCHMARK):
        raise UserError(f"no benchmark {benchmark!r}: there is {BENCHMARK}")
    return BENCHMARK if benchmark or source.mode or source.layout != "folder" else None


def source_of(
    name: str, layout: Layout = "folder", mode: str | None = None,
    methods: Sequence[str] | None = None, prompts: str | None = None, truth: str | None = None,
) -> Source:  # fmt: skip
    """The source that a person names."""
    return Source(
        name, layout, mode, tuple(methods or ()), prompts, truth_in(truth) if truth else None
    )


def metrics_of(
    metrics: Sequence[str] | None, mode: str | None, usual: tuple[str, ...]
) -> tuple[str, ...]:
    """Those that are asked for; else those published for the mode; else the usual ones."""
    return tuple(metrics) if metrics else MODES[mode] if mode else usual


def _weighed(
    workspace: Workspace, source: Source, spec: EvaluateSpec, weights: str | None
) -> EvaluateSpec:
    """With the weights that are there and, for a run, the CLIP that its corpus is searched with."""
    metrics = tuple(dict.fromkeys(spec.metrics))
    there = found(weights, _models(metrics)) if weights else {}
    known = {"metrics": metrics, "weights": there | spec.weights}
    clip = _bank_clip(workspace, source.name) if source.is_run else spec.clip
    return spec.model_copy(update=known | {"clip": clip})


def _bank_clip(workspace: Workspace, run: str) -> EmbedSpec:
    return spec_in_use(workspace.store, run_of(workspace.store, run).corpus, "embed", EmbedSpec())


def _models(metrics: Sequence[str]) -> list[str]:
    """What these metrics look with, each once."""
    return list(
        dict.fromkeys(m for name in metrics for m in plugin("evaluate.metrics", name).MODELS)
    )


def _embedded(
    workspace: Workspace, source: Source, spec: EvaluateSpec, models: Sequence[str]
) -> TruthRef:
    """The miniature's own truth, made once in the store."""
    return embed_benchmark(workspace, source.name, spec, models)
