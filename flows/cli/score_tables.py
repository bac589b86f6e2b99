"""Tables of answers: accuracies of runs, and of the experiment with texts."""

from typing import Any

from rich.table import Table

from flows.cli.console import escape, out


def print_text_experiment(result: dict[str, Any]) -> None:
    """Prints a row for each condition and a column for all questions and each task type."""
    rows = [row for row in result["results"] if row["group"] != "duration"]
    names = list(dict.fromkeys(row["name"] for row in rows))
    by_place = {(row["condition"], row["name"]): row for row in rows}
    conditions = list(dict.fromkeys(row["condition"] for row in rows))
    sizes = {name: by_place[conditions[0], name]["questions"] for name in names}
    table = Table("texts", *(escape(f"{name} ({sizes[name]})") for name in names))
    for condition in conditions:
        cells = [by_place.get((condition, name)) for name in names]
        shown = [_format_change(cell, condition != conditions[0]) for cell in cells]
        table.add_row(escape(condition), *shown)
    out().print(table)
    out().print(
        "accuracy, %; below: the difference to no texts in points, with its 95 % interval over"
        " videos"
    )
    out().print(f"experiment {result['experiment']}; the moments that answers cite:")
    out().print(escape(str(result["page"])))


def print_scores(result: dict[str, Any]) -> None:
    """Prints a run's accuracies: overall, then by group."""
    head = f"{result['run']}: {result['model']} on {result['layout']}, {result['parser']} parser"
    table = Table("group", "", "accuracy, %", "95 % interval", "right", "unread", "removed",
                  title=escape(head))  # fmt: skip
    for row in (result["micro"], *result["groups"]):
        table.add_row(
            row["group"], escape(row["name"]), _percent(row["share"]),
            "" if row["low"] is None else f"{_percent(row['low'])} to {_percent(row['high'])}",
            f"{row['right']:,} of {row['counted']:,}", str(row["unread"]), str(row["removed"]),
        )  # fmt: skip
    out().print(table)
    out().print(f"mean of the task types: {_percent(result['macro']) or 'none'} %")
    if "file" in result:
        out().print(f"as the benchmark's script writes it: {escape(str(result['file']))}")


def _format_change(row: dict[str, Any] | None, is_compared: bool) -> str:
    if row is None:
        return ""
    share = _percent(row["share"])
    if not is_compared:
        return share
    ends = [row["difference"], row["low"], row["high"]]
    change, *bounds = ("" if end is None else f"{100 * end:+.1f}" for end in ends)
    return (
        f"{share}\n{change} ({bounds[0]} to {bounds[1]})" if all(bounds) else f"{share}\n{change}"
    )


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f}"
