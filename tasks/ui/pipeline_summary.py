"""The summary of a pipeline run: one log line per stage, and a table of all stages as artifact."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from prefect.artifacts import create_markdown_artifact
from prefect.context import FlowRunContext

from data.visible import show_markdown
from tasks.artifact_key import artifact_key
from tasks.host_tally import HostsGone
from tasks.ui.artifacts import (
    OPEN_HINT,
    format_amount,
    format_duration,
    format_figure,
    format_label,
    format_link,
)
from tasks.ui.delivery import deliver
from tasks.ui.stage_results import (
    StageSummary,
    count_videos,
    describe_result,
    format_stage_rate,
)

COLUMNS = ("stage", "took", "done", "failed", "rate", "result")
HOUR_KEYS = ("gpu_hours", "worker_hours")
FAILURE_TABLES = ("ingest", "split", "embed")  # stages whose runs have a table of them
MAX_ERROR = 300  # characters of an error in the table: the log has all of it

log = logging.getLogger(__name__)


@dataclass(slots=True)
class PipelineSummary:
    """The summaries of a run's stages, in order; `error` is why the `current` one failed.

    `late` are errors of stages after which the others still work on what there is.
    """

    corpus: str
    stages: dict[str, StageSummary] = field(default_factory=dict)
    current: str = ""
    error: str = ""
    late: list[HostsGone] = field(default_factory=list)

    def run_stage(self, stage: str, run: Callable[..., StageSummary], *args: Any) -> StageSummary:
        """Runs a stage, logs its line, and returns its summary with its seconds as `took_s`."""
        started = time.monotonic()
        self.current = stage
        try:
            made = run(*args)
        except HostsGone as error:  # what other hosts delivered is made searchable all the same
            log.error("%s: %s", stage, error)
            self.late.append(error)
            made = error.summary
        summary = {**made, "took_s": time.monotonic() - started}
        # Costs are a group of their own in a stage's summary, but columns of this table.
        summary |= summary.pop("spent", {})
        self.stages[stage] = summary
        log.info("%s: %s", stage, format_stage(stage, summary))
        return summary


@contextmanager
def open_summary(corpus: str) -> Iterator[PipelineSummary]:
    """Yields an empty summary and publishes it as an artifact of the flow run, also on errors."""
    summary = PipelineSummary(corpus)
    try:
        yield summary
        if summary.late:
            raise summary.late[0]
    except Exception as error:
        summary.error = " ".join(str(error).split())[:MAX_ERROR] or type(error).__name__
        raise
    finally:
        if FlowRunContext.get() is not None:
            key = artifact_key("pipeline", corpus)
            table, card = render_summary(summary), _format_card(summary)
            deliver(create_markdown_artifact, table, key, card)


def format_stage(stage: str, summary: StageSummary) -> str:
    """Formats a stage as "1,952 done, 31 failed in 12 s (163.3 videos/s): decode-bound …"."""
    done, failed = count_videos(stage, summary)
    counts = ["done" if done is None else f"{done:,} done"]
    counts += [f"{failed:,} failed"] if failed else []
    rate = format_stage_rate(stage, summary)
    took = format_duration(summary["took_s"]) + (f" ({rate})" if rate else "")
    return f"{', '.join(counts)} in {took}: {describe_result(stage, summary)}"


def render_summary(summary: PipelineSummary) -> str:
    """Renders a Markdown table with a row per stage, and links to the pages that were written."""
    stages = summary.stages
    # Columns that no stage has a value for are left out: without a price there is no cost.
    hours = [key for key in (*HOUR_KEYS, "cost") if any(key in stage for stage in stages.values())]
    labels = [key if key == "cost" else format_label(key) for key in hours]
    heads = [*COLUMNS[:-1], *labels, COLUMNS[-1]]
    rows = [_stage_row(stage, fields, hours) for stage, fields in stages.items()]
    if summary.error:
        error = f"**failed**: {show_markdown(summary.error)}"
        rows.append([summary.current, *[""] * (len(heads) - 2), error])
    if len(stages) > 1:
        rows.append(_total_row(summary, hours))
    table = ["| " + " | ".join(row) + " |" for row in (heads, ["---"] * len(heads), *rows)]
    return "\n".join(table) + _list_failures(summary) + _page_links(summary)


def _format_card(summary: PipelineSummary) -> str:
    """Formats the card as "4 stages in 3:05 · 10 videos failed", or names the stage that failed."""
    seconds = sum(stage["took_s"] for stage in summary.stages.values())
    count = len(summary.stages)
    total = f"{count} stage{'s' * (count != 1)} in {format_duration(seconds)}"
    if summary.error:
        return f"{summary.current} failed, after {total}"
    failed = sum(count_videos(*stage)[1] or 0 for stage in summary.stages.items())
    return f"{total} · {failed:,} video{'s' * (failed != 1)} failed" if failed else total


def _list_failures(summary: PipelineSummary) -> str:
    """Lists the failures of each stage by reason, with a link to its table, which has examples."""
    lines = []
    for stage in FAILURE_TABLES:
        if failed := summary.stages.get(stage, {}).get("failed"):
            reasons = ", ".join(
                f"{n:,} {reason}" for reason, n in sorted(failed.items(), key=lambda r: -r[1])
            )
            key = artifact_key(f"{stage}-failures-table", summary.corpus)
            lines.append(f"\n\nFailed in {stage}: {reasons} ([examples](/artifacts/key/{key}))")
    return "".join(lines)


def _stage_row(stage: str, summary: StageSummary, hours: list[str]) -> list[str]:
    counts = ["" if n is None else f"{n:,}" for n in count_videos(stage, summary)]
    costs = [format_figure(key, summary[key]) if key in summary else "" for key in hours]
    took, rate = format_duration(summary["took_s"]), format_stage_rate(stage, summary)
    return [stage, took, *counts, rate, *costs, describe_result(stage, summary)]


def _total_row(summary: PipelineSummary, hours: list[str]) -> list[str]:
    sums = [sum(stage.get(key, 0.0) for stage in summary.stages.values()) for key in hours]
    seconds = sum(stage["took_s"] for stage in summary.stages.values())
    return ["**total**", format_duration(seconds), "", "", "", *map(format_amount, sums), ""]


def _page_links(summary: PipelineSummary) -> str:
    pages = [stage["page"] for stage in summary.stages.values() if "page" in stage]
    links = "".join(f"\n\nReport: {format_link(page)}" for page in pages)
    return f"{links}\n\n{OPEN_HINT}" if pages else ""
