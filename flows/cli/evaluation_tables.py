"""Tables of evaluations, leaderboards and experiments, for the panel "Evaluate"."""

from typing import Any

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from data.runs.evaluations import TOO_FEW
from flows.cli.console import escape, out
from flows.cli.options import name_command

FIGURE = 7  # columns of "[0.977,": a narrow terminal breaks an interval in two and cuts no figure
MIN_WIDTHS = {"method": 9, "of": 9, "evaluation": 12}


def print_evaluation(result: dict[str, Any]) -> None:
    """Prints a table per method, and how many videos its means leave out."""
    for method in result["methods"]:
        counts = [f"{method[key]} {key}" for key in ("failed", "dropped") if method[key]]
        title = f"{method['method']}: {', '.join([str(method['videos']) + ' videos', *counts])}"
        table = Table("metric", "mean", "95 % interval", "n", "unmeasured", title=escape(title))
        for mean in method["means"]:
            interval = f"[{_round(mean['low'])}, {_round(mean['high'])}]" if mean["n"] else ""
            if mean["n"] and mean["low"] is None:
                interval = f"{TOO_FEW} clips"
            counts = [str(mean[key]) for key in ("n", "unmeasured")]
            table.add_row(escape(mean["label"]), _round(mean["mean"]), escape(interval), *counts)
        out().print(table)
    for name, why in result["methods"][0]["absent"].items():
        out().print(f"[yellow]{name} was not computed[/]: {escape(why)}")
    if result["guarded"]:
        leaked = len({leak["clip"] for leak in result["leaks"]})
        out().print(f"leaked clips: {leaked}, found in the corpus of {result['guarded']}")
    out().print(f"evaluation {result['evaluation']}")


def print_evaluations(rows: list[dict[str, Any]]) -> None:
    """Prints the mean of every metric of every evaluation."""
    table = Table("evaluation", "made", "method", "metric", "mean", "n", "videos")
    for row in rows:
        names = (escape(row[key]) for key in ("evaluation", "made", "method", "label"))
        table.add_row(*names, _round(row["mean"]), str(row["n"]), str(row["videos"]))
    out().print(table if rows else "no evaluations yet")


def print_experiment(result: dict[str, Any]) -> None:
    """Prints each condition's mean and its difference to no clips, and where the videos are."""
    table = Table("metric", "condition", "n", "mean", "difference to k=0, 95 % interval")
    for row in sorted(result["results"], key=lambda row: row["metric"]):
        interval = f"{TOO_FEW} prompts"
        if row["low"] is not None:
            interval = f"[{row['low']:+.3f}, {row['high']:+.3f}]"
        difference = f"{row['difference']:+.3f}  {interval}"
        mean = f"{row['mean']:.3f}"
        names = escape(row["metric"]), escape(row["condition"])
        table.add_row(*names, str(row["n"]), mean, escape(difference))
    out().print(table)
    if distances := result.get("distances"):
        _print_distances(distances)
    for verdict in result.get("verdicts", ()):
        out().print(escape(verdict))
    out().print(escape(f"to watch the videos: {name_command('report', result['experiment'])}"))


def _print_distances(rows: list[dict[str, Any]]) -> None:
    table = Table(escape(f"{rows[0]['metric']} to the corpus"), "n", "distance", "floor")
    for row in rows:
        floor = "" if row["floor"] is None else f"{row['floor']:.2f}"
        table.add_row(escape(row["condition"]), str(row["n"]), f"{row['value']:.2f}", floor)
    out().print(table)
    out().print("the floor is that of real clips against others, as many")


def print_leaderboard(board: dict[str, Any], markdown: bool) -> None:
    """Prints the ranked tables, as Markdown or for a terminal."""
    # Inside, so that other commands and `--help` need not load it.
    from tasks.report.leaderboard_text import to_markdown

    if markdown:
        return typer.echo(to_markdown(board))
    for table in board["tables"]:
        _print_ranking(table)


def _print_ranking(ranking: dict[str, Any]) -> None:
    from tasks.report.leaderboard_text import (
        format_cell,
        format_settings,
        list_settings,
        method_name,
    )

    settings, title = list_settings(ranking["entries"]), escape(ranking["title"])
    table = Table(title=title, box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    labels = (column["label"] for column in ranking["columns"])
    for label in ("method", *labels, "of", "evaluation"):
        table.add_column(label, min_width=MIN_WIDTHS.get(label, FIGURE))
    for entry in ranking["entries"]:
        cells = []
        for column in ranking["columns"]:
            # Mean above interval: side by side, a few metrics would be wider than a terminal.
            text = escape(format_cell(entry, column["metric"])).replace(" ", "\n", 1)
            best = column["metric"] in entry["best"]
            cells.append(f"[bold]{text}[/]" if best else text)
        values = format_settings(entry)
        of = ", ".join(f"{name} {values[name]}" for name in settings if values[name] != "–")
        method = escape(method_name(entry))
        table.add_row(method, *cells, of, entry["evaluation"] or "published")
    out().print(table)
    for note in ranking["notes"]:
        out().print(escape(note))
    out().print()


def _round(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
