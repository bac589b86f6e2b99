"""The evaluate flow: videos of a folder, a benchmark or a run of ours, measured and counted."""

from dataclasses import asdict
from typing import Any, Literal

from prefect import flow
from prefect.task_runners import ThreadPoolTaskRunner

from data.runs.evaluation_plans import Evaluation
from data.runs.evaluations import Summary
from data.runs.evaluations import videos as videos_of
from data.settings import Settings
from data.specs.evaluate import EvaluateSpec
from data.store.layout import generation
from data.workspace import Workspace, open_workspace
from tasks.evaluate.aggregate import counts, means, refuse_nothing
from tasks.evaluate.exports import write_per_video, write_reference
from tasks.evaluate.request import ask, metrics_of, source_of
from tasks.evaluate.shard import complete
from tasks.evaluate.targets import Layout
from tasks.retrieve.leaks import guard_run
from tasks.shards import AT_ONCE
from tasks.ui.artifacts import publish, publish_refused, publish_table
from tasks.ui.assets import folder_key, made
from tasks.ui.live import watched


@flow(
    name="evaluate",
    flow_run_name="evaluate-{source}",
    task_runner=ThreadPoolTaskRunner(max_workers=AT_ONCE),  # type: ignore[arg-type]
)
def evaluate(
    source: str,
    layout: Layout = "folder",
    mode: Literal["subject", "face"] | None = None,
    methods: list[str] | None = None,
    metrics: list[str] | None = None,
    spec: EvaluateSpec = EvaluateSpec(),
    weights: str | None = None,
    truth: str | None = None,
    prompts: str | None = None,
    benchmark: str | None = None,
    per_video: str | None = None,
    reference_json: str | None = None,
    clips: str | None = None,
) -> dict[str, Any]:
    """Measures every video; what is measured stays, however often it is run.

    Args:
        source: a folder of videos, or the fingerprint of a run of generation
        layout: folder; official, with the benchmark's sidecars beside the videos; or miniature
        mode: which of the benchmark's modes it is; of a miniature, only clips of this one
        methods: of a miniature, which to measure; else one name for the videos
        metrics: those to measure; by default those published for the mode, else the spec's
        spec: the switches that change scores
        weights: a folder of the models' weights, under the names they are published with
        truth: a folder of the benchmark's embeddings, as the official scripts or ours leave it
        prompts: a table of what was asked for, with the videos' names as ids
        benchmark: msrvtt-personalization, where neither layout nor mode says so
        per_video: a Parquet file to write, with a row for each video and metric
        reference_json: a JSON file to write, as the published evaluator leaves it
        clips: a folder of the benchmark's real clips, which the bank of a run is tested for
    """
    workspace = open_workspace(Settings())
    spec = spec.model_copy(update={"metrics": metrics_of(metrics, mode, spec.metrics)})
    videos = source_of(source, layout, mode, methods, prompts, truth)
    asked = ask(workspace, videos, spec, weights, benchmark)
    if clips is not None:
        guard_run(workspace, asked, clips)
    with watched("evaluate", asked.fingerprint):
        summary, cost = complete(workspace, asked)
    _write(workspace, summary, per_video, reference_json)
    _show(asked, summary, cost, generation(source) if videos.is_run else None)
    rows = videos_of(workspace.store, summary.evaluation)
    publish_refused("evaluate", summary.evaluation, rows, "clip")
    refuse_nothing(workspace, summary)
    return asdict(summary) | {"spent": cost}


def _write(
    workspace: Workspace, summary: Summary, per_video: str | None, reference: str | None
) -> None:
    """The files that are asked for."""
    if per_video is not None:
        write_per_video(workspace.store, summary, per_video)
    if reference is not None:
        write_reference(summary, reference)


def _show(asked: Evaluation, summary: Summary, cost: dict[str, float], run: str | None) -> None:
    """The means and what they cost, on the page of the run; the scores as an asset, where new."""
    publish_table("evaluate", summary.evaluation, means(summary))
    publish("evaluate", summary.evaluation, counts(summary) | cost)
    if cost:
        said = {"fingerprint": asked.fingerprint, "videos": len(asked.targets)}
        made_from = [folder_key(run)] if run else []
        made(folder_key(asked.folder), f"scores of {asked.fingerprint}", made_from, **said)
