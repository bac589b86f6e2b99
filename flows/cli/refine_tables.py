"""Tables of refinements, for the panel "Refine"."""

from typing import Any

from rich.table import Table

from data.runs.evaluations import TOO_FEW
from flows.cli.console import escape, out
from flows.cli.failed import print_failed
from flows.cli.options import name_command, open_store

ARROWS = {"higher": "↑", "lower": "↓", None: ""}


def print_refinement(result: dict[str, Any]) -> None:
    """Prints a table with a row for each figure and a column for each pass."""
    title = f"{result['refiner']} on {result['source']}: {result['videos']} videos"
    rows = result["figures"]
    numbers = sorted({row["pass"] for row in rows})
    table = Table("figure", *(_head(number) for number in numbers), title=escape(title))
    by_name: dict[str, dict[int, dict[str, Any]]] = {}
    for row in rows:
        label = row["figure"] + (f", {row['class']}" if row["class"] else "")
        by_name.setdefault(f"{label} {ARROWS[row['better']]}".strip(), {})[row["pass"]] = row
    for label, by_pass in by_name.items():
        cells = [_format_cell(by_pass.get(number)) for number in numbers]
        table.add_row(escape(label), *cells)
    out().print(table)
    out().print("below each mean: its difference to pass 0, with the 95 % interval over clips")
    for note in result["notes"]:
        out().print(escape(note))
    out().print(f"refinement {result['refinement']}, evaluation {result['evaluation']}")
    watch = name_command("report", result["refinement"])
    out().print(escape(f"to watch the passes: {watch}"))


def print_refiners(result: dict[str, Any]) -> None:
    """Prints each refiner's distance after each pass, and the difference to the baseline's."""
    rows = result["results"]
    numbers = sorted({row["pass"] for row in rows})
    title = f"{rows[0]['name']} to {result['real']}, {rows[0]['n']} videos of {result['source']}"
    table = Table("refiner", *(_head(number) for number in numbers), title=escape(title))
    for name in dict.fromkeys(row["figure"] for row in rows):
        by_pass = {row["pass"]: row for row in rows if row["figure"] == name}
        table.add_row(escape(name), *(_format_cell(by_pass.get(number)) for number in numbers))
    out().print(table)
    out().print("below each distance: its difference to temporal_median's after as many passes")
    for verdict in result["verdicts"]:
        out().print(escape(verdict))
    for name, refinement in result["refinements"].items():
        out().print(escape(f"to watch {name}: {name_command('report', refinement)}"))


def print_refinements(rows: list[dict[str, Any]]) -> None:
    """Prints a row for each refinement."""
    table = Table("refinement", "made", "source", "refiner", "passes", "videos")
    for row in rows:
        passes = ", ".join(map(str, row["spec"]["iterations"]))
        table.add_row(
            row["refinement"], row["made"], escape(row["source"]), escape(row["spec"]["refiner"]),
            passes, str(row["videos"]),
        )  # fmt: skip
    out().print(table if rows else "no refinements yet")


def print_failed_passes(result: dict[str, Any]) -> None:
    """Prints the first videos of a refinement that failed."""
    from data.runs.refinements import read_refined

    if result["failed"]:
        rows = read_refined(open_store().store, result["refinement"])
        print_failed(rows, "id", f"the rows with a reason of {result['table']}")


def _head(number: int) -> str:
    return "as given" if number == 0 else f"pass {number}"


def _format_cell(row: dict[str, Any] | None) -> str:
    if row is None:
        return ""
    value = _format(row["value"])
    if row["difference"] is None:
        return value
    interval = f"({TOO_FEW})"
    if row["low"] is not None:
        interval = f"[{_format(row['low'], '+')}, {_format(row['high'], '+')}]"
    # The difference under the value: side by side, a few passes would be wider than a terminal.
    return f"{value}\n{_format(row['difference'], '+')}\n{escape(interval)}"


def _format(value: float, sign: str = "") -> str:
    """Four significant digits, and no exponent but for tiny numbers."""
    return f"{value:{sign}.4g}"
