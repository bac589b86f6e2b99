"""What a run shows on its page in Prefect's UI: figures, and what failed."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.context import FlowRunContext

from data.catalog.database import sql
from data.shards.stages import Stage
from data.workspace import Workspace
from engines.files.media import is_url
from tasks.progress import clock

HEADS = {
    "seconds": "took", "took_s": "took", "gpu_hours": "GPU-hours", "worker_hours": "worker-hours",
    "cost": "cost, by the price of a GPU-hour", "busy": "busy share of the time",
    "frames_per_second": "frames a second", "video_hours_per_day": "hours of video a day",
    "seconds_per_video": "seconds a video", "short": "prompts with fewer hits than asked for",
    "canary": "canary, cosine to what is stored", "wrong": "videos changed or gone",
    "outdated": "refused by another decoder",
}  # fmt: skip
PAID = {"gpu_hours": "GPU-hours", "worker_hours": "worker-hours", "cost": "cost"}
EXAMPLES = 3  # of each reason; as many as `failed_by_reason.sql` has
PAGES = (
    "A browser opens no file from a page of a server: copy the path into its address bar, on the"
    " machine that wrote it."
)


def publish(kind: str, corpus: str, summary: dict[str, Any]) -> None:
    """The summary as a markdown artifact of the flow run, where there is one.

    Files follow the table, as paths to open them by.
    """
    if FlowRunContext.get() is None:
        return
    files = {key: value for key, value in summary.items() if isinstance(value, Path)}
    lines = [
        f"| {head(key)} | {cell(key, value)} |"
        for key, value in summary.items()
        if key not in files
    ]
    table = "\n".join(["| what | figure |", "|---|---|", *lines])
    table += "".join(f"\n\n{head(key)}: {opened(file)}" for key, file in files.items())
    table += f"\n\n{PAGES}" if files else ""
    create_markdown_artifact(
        table, key=key_of(kind, corpus), description=_gist(kind, corpus, summary)
    )


def publish_table(
    kind: str, corpus: str, rows: list[dict[str, Any]], about: str | None = None
) -> None:
    """Rows as a table artifact of the flow run, where there is one."""
    if FlowRunContext.get() is not None:
        said = f"{about or kind} on {corpus}"
        create_table_artifact(rows, key=key_of(f"{kind}-table", corpus), description=said)


def publish_failures(workspace: Workspace, stage: Stage) -> None:
    """What failed in a stage as a table artifact: each reason, how many, and some of them."""
    if FlowRunContext.get() is None:
        return
    with workspace.catalog() as catalog:
        values = {"corpus": stage.corpus, "stage": stage.kind, "print": stage.fingerprint}
        rows = catalog.rows(sql("failed_by_reason"), **values)
    _publish_reasons(stage.kind, stage.corpus, rows)


def publish_refused(kind: str, subject: str, rows: Iterable[dict[str, Any]], id: str) -> None:
    """The same of rows with `reason`, `detail` and an `id` of their own; None is no reason."""
    if FlowRunContext.get() is None:
        return
    found: dict[str, list[str]] = {}
    for row in rows:
        if row["reason"]:
            found.setdefault(row["reason"], []).append(f"{row[id]}: {row['detail']}")
    table = [
        {"reason": reason, "videos": len(some), "examples": "; ".join(some[:EXAMPLES])}
        for reason, some in sorted(found.items(), key=lambda each: -len(each[1]))
    ]
    _publish_reasons(kind, subject, table)


def _publish_reasons(kind: str, subject: str, rows: list[dict[str, Any]]) -> None:
    if rows:
        failed = sum(row["videos"] for row in rows)
        publish_table(f"{kind}-failures", subject, rows, f"{failed:,} videos failed in {kind}")


def key_of(*parts: str) -> str:
    """An artifact's key: lower case letters, digits and dashes."""
    return "-".join(parts).lower().replace("_", "-").replace(".", "-")


def head(key: str) -> str:
    """What a figure is called where a person reads it."""
    return HEADS.get(key, key.replace("_at_10", "@10").replace("_", " "))


def cell(key: str, value: Any) -> str:
    """A figure as a person reads it, in a cell of a Markdown table."""
    return figure(key, value, opened).replace("|", "\\|")


def figure(key: str, value: Any, named: Callable[[Path | str], str] = str) -> str:
    """A figure as a person reads it; `named` says how a file or a page reads."""
    if value is None:
        return "–"
    if key in ("seconds", "took_s"):
        return took(value)
    if key in ("gpu_hours", "worker_hours", "cost"):
        return hundredths(value)
    if key == "busy":
        return ", ".join(f"{part} {share:.0%}" for part, share in value.items())
    if key == "failed" and isinstance(value, dict):
        return ", ".join(f"{count:,} {reason}" for reason, count in value.items()) or "none"
    if key == "canary":
        return f"{value:.4f}"
    return _plain(value, named)


def took(seconds: float) -> str:
    """As "0.4 s", "12 s", "3:05" or "1:02:03"."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    return clock(seconds)


def hundredths(value: float) -> str:
    """Hours and money, as "1,234.50"."""
    return "<0.01" if 0 < value < 0.01 else f"{value:,.2f}"


def number(value: float) -> str:
    """Three digits that say something, or all before the point."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def opened(file: Path | str) -> str:
    """A file or page in Markdown: linked where a browser follows it, else to copy."""
    linked = isinstance(file, str) and file.startswith("http")
    return f"[{str(file).rsplit('/', 1)[-1]}]({file})" if linked else f"`{file}`"


def _gist(kind: str, corpus: str, summary: dict[str, Any]) -> str:
    """What the artifact's card says, and `top` of a run that ended: what is known comes first."""
    said = [f"{summary['coverage after']} covered"] if "coverage after" in summary else []
    said += [f"{word} {hundredths(summary[key])}" for key, word in PAID.items() if key in summary]
    said += [summary["bottleneck"]] if "bottleneck" in summary else []
    if "done" in summary and "failed" in summary:
        done = f"{summary['done']:,} done, {sum(summary['failed'].values()):,} failed"
        return " · ".join([done, *said])
    counts = [f"{head(key)} {value:,}" for key, value in summary.items() if type(value) is int]
    return ", ".join(counts) or f"figures of {kind} on {corpus}"


def _plain(value: Any, named: Callable[[Path | str], str]) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Path) or (isinstance(value, str) and is_url(value)):
        return named(value)
    if isinstance(value, dict):
        said = (f"{head(key)} {figure(key, inner, named)}" for key, inner in value.items())
        return ", ".join(said) or "none"
    if isinstance(value, list | tuple):
        return "; ".join(json.dumps(each, default=str) for each in value) or "none"
    if isinstance(value, float):
        return number(value)
    return f"{value:,}" if isinstance(value, int) else str(value)
