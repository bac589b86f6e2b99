"""What a stage of a pipeline run made, in a few words and figures."""

from typing import Any

from tasks.progress import format_rate
from tasks.ui.artifacts import format_label

StageSummary = dict[str, Any]


def count_videos(stage: str, summary: StageSummary) -> tuple[int | None, int | None]:
    """Counts the videos that succeeded and failed; None where the stage does not count them."""
    match stage:
        case "ingest":
            return summary["new"] + summary["changed"], sum(summary["failed"].values())
        case "embed" | "generate" | "refine" | "split" | "motion-features" | "caption-vectors":
            return summary["done"], sum(summary["failed"].values())
        case "index":
            return summary.get("count", 0), None
        case "dedup":
            return summary["compared"], summary["not_compared"]
        case "evaluate":
            methods = summary["methods"]
            failed = sum(each["failed"] for each in methods)
            return sum(each["videos"] - each["dropped"] for each in methods) - failed, failed
    return None, None


def format_stage_rate(stage: str, summary: StageSummary) -> str:
    """Formats videos per second; empty for stages whose counts include earlier runs."""
    done = count_videos(stage, summary)[0] if stage in ("ingest", "embed") else None
    return format_rate(done / summary["took_s"]) if done and summary["took_s"] else ""


def describe_result(stage: str, summary: StageSummary) -> str:
    """Describes what a stage produced, in a few words."""
    match stage:
        case "ingest":
            return f"{summary['rows']:,} rows, {summary['unchanged']:,} unchanged"
        case "embed":
            model = f"; model {summary['model']}" if "model" in summary else ""
            return summary["bottleneck"] + model
        case "split":
            return f"{summary['shots']:,} shots, in {summary['into']}"
        case "pool":
            return f"{summary['shards']:,} shard{'s' * (summary['shards'] != 1)} pooled"
        case "index":
            return _describe_index(summary, "videos")
        case "frame-index":
            return _describe_index(summary, "frames")
        case "dedup":
            return f"{summary['duplicates']:,} duplicates in {summary['groups']:,} groups"
        case "generate":
            return f"run {summary['run']}, {summary['requests']:,} videos requested in all"
        case "evaluate":
            means = [mean for each in summary["methods"] for mean in each["means"]]
            known = [f"{m['label']} {m['mean']:.3g}" for m in means if m["mean"] is not None]
            return "; ".join(known) or "nothing measured"
        case "report":  # that of an experiment counts conditions, not videos
            return f"page of {summary['videos']:,} videos" if "videos" in summary else "page"
    return ""


def _describe_index(summary: StageSummary, unit: str) -> str:
    if "count" not in summary:
        return "unchanged"
    found = summary.get("recall_at_10", {})
    recall = [f"{format_label(name)} {found[name]:.3f}" for name in found]
    return ", ".join([f"{summary['version']} of {summary['count']:,} {unit}", *recall])
