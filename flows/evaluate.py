"""The evaluate flow: computes metrics of a folder, a benchmark or a generation run."""

from dataclasses import asdict
from typing import Any, Literal

from prefect import flow
from prefect.task_runners import ThreadPoolTaskRunner

from data.runs.evaluation_plans import Evaluation
from data.runs.evaluations import Summary
from data.runs.evaluations import read_videos as videos_of
from data.settings import Settings
from data.specs.evaluate import EvaluateSpec
from data.store import layout
from data.store.layout import generation_folder
from data.workspace import Workspace, open_workspace
from tasks.evaluate.aggregate import (
    count_videos,
    describe_rates,
    list_means,
    require_any_video,
)
from tasks.evaluate.exports import write_per_video, write_reference
from tasks.evaluate.request import build_evaluation, build_source, choose_metrics
from tasks.evaluate.run import complete_evaluation
from tasks.evaluate.targets import Layout
from tasks.progress import notify
from tasks.retrieve.leaks import guard_run
from tasks.shard import AT_ONCE
from tasks.ui.artifacts import publish_failed_rows, publish_summary, publish_table
from tasks.ui.assets import folder_key, publish_asset
from tasks.ui.final_state import finish_run
from tasks.ui.hooks import HOOKS
from tasks.ui.live import show_progress
from tasks.ui.page_links import link_run
from tasks.ui.run_names import name_run


@flow(
    name="evaluate",
    **HOOKS,
    flow_run_name=name_run("evaluate-{source}"),
    task_runner=ThreadPoolTaskRunner(max_workers=AT_ONCE),  # type: ignore[arg-type]
)
def evaluate(
    source: str,
    layout: Layout = "folder",
    mode: Literal["subject", "face"] | None = None,
    methods: list[str] | None = None,
    metrics: list[str] | None = None,
    spec: EvaluateSpec | None = None,
    weights: str | None = None,
    truth: str | None = None,
    prompts: str | None = None,
    benchmark: str | None = None,
    per_video: str | None = None,
    reference_json: str | None = None,
    clips: str | None = None,
) -> dict[str, Any]:
    """Computes metrics of every video; finished scores are kept.

    Args:
        source: Folder of videos, or the fingerprint of a generation run.
        layout: folder; official, with the benchmark's sidecars beside the videos; or miniature.
        mode: Mode of the benchmark; of a miniature, only clips of this mode.
        methods: Of a miniature, which methods to measure; else one name for the videos.
        metrics: Metrics to compute; those published for the mode, else the spec's, if left out.
        spec: Switches that change scores; the published ones if left out.
        weights: Folder of the models' weights under their published names.
        truth: Folder of the benchmark's embeddings, as the official scripts or ours write it.
        prompts: Table of the prompts, with the videos' names as ids.
        benchmark: msrvtt-personalization, if neither layout nor mode implies it.
        per_video: Parquet file to write, with a row per video and metric.
        reference_json: JSON file to write, as the published evaluator writes it.
        clips: Folder of the benchmark's real clips, to look for leaks in the run's corpus.
    """
    workspace, spec = open_workspace(Settings()), spec or EvaluateSpec()
    spec = spec.model_copy(update={"metrics": choose_metrics(metrics, mode, spec.metrics)})
    videos = build_source(source, layout, mode, methods, prompts, truth)
    asked = build_evaluation(workspace, videos, spec, weights, benchmark)
    if clips is not None:
        guard_run(workspace, asked, clips)  # first: leaks are part of the summary
    with show_progress("evaluate", asked.fingerprint):
        summary, cost = complete_evaluation(workspace, asked)
    _write_files(workspace, summary, per_video, reference_json)
    run = generation_folder(source) if videos.is_run else None
    _publish_scores(workspace, asked, summary, cost, run)
    require_any_video(workspace, summary)
    result = asdict(summary) | {"spent": cost}
    return finish_run(result, {"evaluate": result}, workspace.settings.failed_share)


def _write_files(
    workspace: Workspace, summary: Summary, per_video: str | None, reference: str | None
) -> None:
    """Writes the files that were requested."""
    if per_video is not None:
        write_per_video(workspace.store, summary, per_video)
    if reference is not None:
        write_reference(summary, reference)


def _publish_scores(
    workspace: Workspace,
    asked: Evaluation,
    summary: Summary,
    cost: dict[str, float],
    run: str | None,
) -> None:
    """Publishes means, cost and failed videos on the run's page, and new scores as an asset."""
    if note := describe_rates(summary):
        notify(note)
    publish_table("evaluate", summary.evaluation, list_means(summary))
    link = link_run(workspace, layout.evaluation_folder(summary.evaluation))
    publish_summary("evaluate", summary.evaluation, count_videos(summary) | cost | link)
    rows = videos_of(workspace.store, summary.evaluation)
    publish_failed_rows("evaluate", summary.evaluation, rows, "clip")
    # No cost means that every score was there already: nothing new to announce.
    if cost:
        said = {"fingerprint": asked.fingerprint, "videos": len(asked.targets)}
        made_from = [folder_key(run)] if run else []
        publish_asset(folder_key(asked.folder), f"scores of {asked.fingerprint}", made_from, **said)
