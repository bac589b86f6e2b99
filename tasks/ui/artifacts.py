"""Artifacts on the page of a flow run in Prefect's UI: figures, tables, and failures."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.context import FlowRunContext

from data.catalog.database import load_sql
from data.shards.stages import Stage
from data.visible import show_markdown, show_text
from data.workspace import Workspace
from engines.files.urls import is_url
from tasks.artifact_key import artifact_key
from tasks.progress import format_clock
from tasks.ui.delivery import deliver

LABELS = {
    "look_around": "look around",
    "seconds": "took", "took_s": "took", "gpu_hours": "GPU-hours", "worker_hours": "worker-hours",
    "cost": "cost at the price per GPU-hour", "busy": "share of time busy",
    "frames_per_second": "frames per second", "video_hours_per_day": "video-hours per day",
    "seconds_per_video": "seconds per video", "short": "prompts with fewer than k hits",
    "canary": "canary (cosine to the stored vectors)", "wrong": "videos changed or missing",
    "outdated": "failed with another decoder version",
    "chance_cosine": "cosine that 5 % of texts of different videos reach",
}  # fmt: skip
COST_LABELS = {"gpu_hours": "GPU-hours", "worker_hours": "worker-hours", "cost": "cost"}
LINK_CHARACTERS = "/:?#@=&%+,;~-._"  # all others are quoted: a bracket would end the link
MAX_EXAMPLES = 3  # of each reason; the same number as in `failed_by_reason.sql`
OPEN_HINT = (
    "Browsers block file:// links from web pages: open this path on the machine that wrote it."
)


def publish_summary(kind: str, corpus: str, summary: dict[str, Any]) -> None:
    """Publishes a summary as a Markdown artifact of the current flow run; does nothing outside one.

    Paths of files follow the table, so that they can be copied whole.
    """
    if FlowRunContext.get() is None:
        return
    files = {key: value for key, value in summary.items() if isinstance(value, Path)}
    lines = [
        f"| {format_label(key)} | {format_cell(key, value)} |"
        for key, value in summary.items()
        if key not in files
    ]
    table = "\n".join(["| what | figure |", "|---|---|", *lines])
    table += "".join(f"\n\n{format_label(key)}: {format_link(file)}" for key, file in files.items())
    table += f"\n\n{OPEN_HINT}" if files else ""
    description = _describe_summary(kind, corpus, summary)
    deliver(create_markdown_artifact, table, artifact_key(kind, corpus), description)


def publish_table(
    kind: str, corpus: str, rows: list[dict[str, Any]], about: str | None = None
) -> None:
    """Publishes rows as a table artifact of the current flow run; does nothing outside one."""
    if FlowRunContext.get() is not None:
        # `tasks/service/top.py` reads the corpus from what follows the last " on ".
        key, description = artifact_key(f"{kind}-table", corpus), f"{about or kind} on {corpus}"
        shown = [{name: _show_cell(value) for name, value in row.items()} for row in rows]
        deliver(create_table_artifact, shown, key=key, description=show_text(description))


def _show_cell(value: Any) -> Any:
    return show_text(value) if isinstance(value, str) else value


def publish_failures(workspace: Workspace, stage: Stage) -> None:
    """Publishes a stage's failures as a table artifact: each reason with a count and examples."""
    if FlowRunContext.get() is None:
        return
    with workspace.open_synced_catalog(stage.corpus) as catalog:
        values = {"corpus": stage.corpus, "stage": stage.kind, "print": stage.fingerprint}
        rows = catalog.query_rows(load_sql("failed_by_reason"), **values)
    _publish_reasons(stage.kind, stage.corpus, rows)


def publish_failed_rows(kind: str, subject: str, rows: Iterable[dict[str, Any]], id: str) -> None:
    """Publishes the same table from rows with a `reason`, a `detail`, and an id in column `id`.

    Rows without a reason did not fail.
    """
    if FlowRunContext.get() is None:
        return
    by_reason: dict[str, list[str]] = {}
    for row in rows:
        if row["reason"]:
            by_reason.setdefault(row["reason"], []).append(f"{row[id]}: {row['detail']}")
    table = [
        {"reason": reason, "videos": len(details), "examples": "; ".join(details[:MAX_EXAMPLES])}
        for reason, details in sorted(by_reason.items(), key=lambda item: -len(item[1]))
    ]
    _publish_reasons(kind, subject, table)


def _publish_reasons(kind: str, subject: str, rows: list[dict[str, Any]]) -> None:
    if rows:
        failed = sum(row["videos"] for row in rows)
        publish_table(f"{kind}-failures", subject, rows, f"{failed:,} videos failed in {kind}")


def format_label(key: str) -> str:
    """Returns a figure's name as people read it."""
    return LABELS.get(key, key.replace("_at_10", "@10").replace("_", " "))


def format_cell(key: str, value: Any) -> str:
    """Formats a figure for a cell of a Markdown table."""
    if isinstance(value, Path) or (isinstance(value, str) and is_url(value)):
        return format_link(value)
    figure = format_figure(key, value)
    return figure if isinstance(value, int | float) else show_markdown(figure)


def format_figure(key: str, value: Any, format_file: Callable[[Path | str], str] = str) -> str:
    """Formats a figure for people; `format_file` formats the path of a file or a page's URL."""
    if value is None:
        return "–"
    if key in ("seconds", "took_s"):
        return format_duration(value)
    if key in ("gpu_hours", "worker_hours", "cost"):
        return format_amount(value)
    if key == "busy":
        return ", ".join(f"{part} {share:.0%}" for part, share in value.items())
    if key == "failed" and isinstance(value, dict):
        return ", ".join(f"{count:,} {reason}" for reason, count in value.items()) or "none"
    if key == "canary":
        return f"{value:.4f}"
    return _format_plain(value, format_file)


def format_duration(seconds: float) -> str:
    """Formats seconds as "0.4 s", "12 s", "3:05" or "1:02:03"."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    return format_clock(seconds)


def format_amount(value: float) -> str:
    """Formats hours or money as "1,234.50"."""
    # A run that cost little must not read as one that cost nothing.
    return "<0.01" if 0 < value < 0.01 else f"{value:,.2f}"


def format_number(value: float) -> str:
    """Formats a number with three significant digits, or without decimals from 100 on."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def format_link(file: Path | str) -> str:
    """Formats a file or page in Markdown: a link if a browser can follow it, else text to copy."""
    text = show_text(str(file))
    if isinstance(file, str) and file.startswith(("http://", "https://")):
        return f"[{show_markdown(text.rsplit('/', 1)[-1])}]({quote(text, safe=LINK_CHARACTERS)})"
    return "`{}`".format(text.replace("`", "'").replace("|", "\\|"))


def _describe_summary(kind: str, corpus: str, summary: dict[str, Any]) -> str:
    """Describes a summary in one line, for the artifact's card and for `reelflow top`.

    Counts come first: a card shows some 30 characters.
    """
    parts = [f"{summary['coverage after']} covered"] if "coverage after" in summary else []
    parts += [
        f"{label} {format_amount(summary[key])}"
        for key, label in COST_LABELS.items()
        if key in summary
    ]
    parts += [summary["bottleneck"]] if "bottleneck" in summary else []
    if "done" in summary and "failed" in summary:
        done = f"{summary['done']:,} done, {sum(summary['failed'].values()):,} failed"
        return " · ".join([done, *parts])
    counts = [
        f"{format_label(key)} {value:,}" for key, value in summary.items() if type(value) is int
    ]
    return ", ".join(counts) or f"figures of {kind} on {corpus}"


def _format_plain(value: Any, format_file: Callable[[Path | str], str]) -> str:
    if isinstance(value, bool):  # before numbers: True is an int too
        return "yes" if value else "no"
    if isinstance(value, Path) or (isinstance(value, str) and is_url(value)):
        return format_file(value)
    if isinstance(value, dict):
        parts = (
            f"{format_label(key)} {format_figure(key, inner, format_file)}"
            for key, inner in value.items()
        )
        return ", ".join(parts) or "none"
    if isinstance(value, list | tuple):
        return "; ".join(json.dumps(each, default=str) for each in value) or "none"
    if isinstance(value, float):
        return format_number(value)
    return f"{value:,}" if isinstance(value, int) else str(value)
