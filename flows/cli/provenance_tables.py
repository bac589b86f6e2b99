"""Tables of generation runs and of who influenced what, for the panel "Generate"."""

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from rich.table import Table

from flows.cli.console import escape, out, print_summary

Rows = list[dict[str, Any]]


def print_runs(rows: Rows) -> None:
    """Prints the runs of generation."""
    table = Table("run", "corpus", "generator", "made", "prompts", "done", "failed", "s/video")
    for row in rows:
        # A run of which nothing was made has no rate.
        seconds = f"{row['seconds'] / row['done']:,.2f}" if row["done"] else ""
        names = (row[key] for key in ("run", "corpus", "engine", "made"))
        table.add_row(*names, *(f"{row[key]:,}" for key in ("prompts", "done", "failed")), seconds)
    out().print(table if rows else "no generations yet")


def print_provenance(found: dict[str, Any]) -> None:
    """Prints what a clip influenced, and what generated videos were conditioned on."""
    for video in found["videos"]:
        out().print(_format_video(video))
    if found["videos"]:
        out().print(_build_outputs(found["influenced"]))
    for part in _iter_conditions(found["outputs"]):
        out().print(part)
    _print_refined(found["refined"])


def print_withdrawal(summary: dict[str, Any]) -> None:
    """Prints what a withdrawn video influenced, and what was generated again."""
    out().print(f"{escape(summary['video_id'])} was withdrawn at {summary['at']}; it influenced:")
    out().print(_build_outputs(summary["outputs"]))
    _print_refined(summary["refined"])
    if rows := summary["answers"]:
        runs = ", ".join(sorted({row["run"] for row in rows}))
        out().print(f"{len(rows):,} answers of the runs {runs} go by it")
    for run in summary["regenerated"]:
        print_summary(run)
    if summary["outputs"] and not summary["regenerated"]:
        out().print("to delete these files and generate them without it: --regenerate")
    elif rows and not summary["removed_answers"]:
        out().print("to remove what these answers say: --regenerate")


def _print_refined(rows: Rows) -> None:
    """Refined videos: of which video, by which refiner, after how many passes."""
    if not rows:
        return
    table = Table("refinement", "refined from", "refiner", "passes", "file")
    for row in rows:
        names = (row["refinement"], escape(row["target"]), escape(row["refiner"]))
        table.add_row(*names, str(row["number"]), escape(row["view"] or row["detail"] or ""))
    out().print(table)


def _format_video(row: dict[str, Any]) -> str:
    # Ids and paths come from users: unescaped, brackets in them would be read as markup.
    text = f"[bold]{escape(row['id'])}[/], {row['corpus']}: {escape(row['uri'])}"
    at = row["withdrawn"]
    return f"{text}\n[red]withdrawn {at}[/] {escape(row['why'])}" if at else text


def _build_outputs(rows: Rows) -> Table | str:
    """Generated videos, and with which rank and score each used the clip in question."""
    if not rows:
        return "no generated videos"
    table = Table("run", "request", "prompt", "rank", "score", "from", "file")
    for row in rows:
        names = (row["run"], escape(row["request_id"]), escape(row["prompt"]))
        table.add_row(*names, *_format_hit(row), escape(row["file"] or ""))
    return table


def _format_hit(row: dict[str, Any]) -> tuple[str, str, str]:
    return str(row["rank"]), f"{row['score']:.3f}", f"{row['start_s']:.2f} s"


def _iter_conditions(rows: Rows) -> Iterator[str | Table]:
    """Each generated video, then the clips that it was conditioned on."""
    # Rows of one output stand together: the query orders them by run and request.
    for _, group in groupby(rows, key=lambda row: (row["run"], row["request_id"])):
        clips = list(group)
        first = clips[0]
        yield (
            f"[bold]{escape(first['request_id'])}[/] of run {first['run']}"
            f" ({first['engine']}, {first['corpus']}, seed {first['seed']}):"
            f" {escape(first['prompt'])}\n{escape(first['file'] or first['detail'] or '')}"
        )
        table = Table("rank", "score", "from", "weight", "video")
        for row in clips:
            if row["rank"] is not None:  # an output without clips has one row, all nulls
                table.add_row(*_format_hit(row), f"{row['weight']:.2f}", escape(row["video_id"]))
        if first["image"]:
            yield f"starts from {escape(first['image'])}"
        yield table if table.row_count else "conditioned on no clips"
