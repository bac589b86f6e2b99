"""The leaderboard as JSON, as Markdown, and as rows of a table artifact."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from data.visible import show_text
from engines.report.leaderboard.board import Board
from engines.report.leaderboard.table import Entry, Table

Data = dict[str, Any]  # as `to_data` returns it, or a part of it
SETTINGS = ("clips", "frames", "size", "fps", "references", "background")


def to_data(board: Board) -> Data:
    """Returns the tables as JSON values; an entry's `best` lists the columns that it leads."""
    return {"tables": [_table_data(each) for each in board.tables]}


def to_markdown(data: Data) -> str:
    """Formats the tables in Markdown: means with their intervals, the best of a column bold."""
    return "\n".join(line for table in data["tables"] for line in _table_lines(table))


def to_rows(data: Data) -> list[dict[str, str]]:
    """Returns a row of text for each line of each table."""
    return [
        {"table": table["title"], "method": method_name(entry)}
        | {column["label"]: format_cell(entry, column["metric"]) for column in table["columns"]}
        | format_settings(entry)
        for table in data["tables"]
        for entry in table["entries"]
    ]


def format_cell(entry: Data, metric: str) -> str:
    """Formats a mean as `0.617 [0.601, 0.633]`; with ` n=12` if some videos have no value."""
    cell = entry["cells"].get(metric, {})
    if cell.get("value") is None:
        return "–"
    text = f"{cell['value']:.3f}"
    if cell["low"] is not None:
        text += f" [{cell['low']:.3f}, {cell['high']:.3f}]"
    return text + (f" n={cell['n']}" if cell["unmeasured"] else "")


def list_settings(entries: Sequence[Data]) -> list[str]:
    """Lists the settings that at least one entry has a value for."""
    settings = [format_settings(entry) for entry in entries]
    return [name for name in SETTINGS if any(each[name] != "–" for each in settings)]


def format_settings(entry: Data) -> dict[str, str]:
    """Formats the settings of an entry by `SETTINGS`, with a dash for what is not known."""
    background = {None: None, True: "yes", False: "no"}[entry["background"]]
    values = [_format_clips(entry), entry["frames"], (entry["size"] or "").replace("x", " × "),
              entry["fps"] and f"{entry['fps']:g}", entry["references"], background]  # fmt: skip
    return {name: str(value or "–") for name, value in zip(SETTINGS, values, strict=True)}


def method_name(entry: Data) -> str:
    """Returns the method's name, with a flag if clips leaked into its index or videos changed."""
    name = f"{entry['method']} ({entry['condition']})" if entry["condition"] else entry["method"]
    return f"⚑ {name}" if entry["warning"] or entry["changed"] else name


def _format_clips(entry: Data) -> str | None:
    if entry["videos"] is None:
        return None
    lost = [f"{entry[key]} {key}" for key in ("failed", "dropped", "changed") if entry[key]]
    return f"{entry['videos']:,}" + (f" ({', '.join(lost)})" if lost else "")


def _table_data(table: Table) -> Data:
    data = asdict(table)
    for line, entry in zip(data["entries"], table.entries, strict=True):
        line["best"] = _best_metrics(table, entry)
    return data


def _best_metrics(table: Table, entry: Entry) -> list[str]:
    return [column.metric for column in table.columns if table.is_best(column.metric, entry)]


def _table_lines(table: Data) -> list[str]:
    """Returns a heading, the table, and its notes."""
    heads = [f"{c['label']} {'↓' if c['better'] == 'lower' else '↑'}" for c in table["columns"]]
    settings = list_settings(table["entries"])
    rows = [["method", *heads, *settings, "evaluation"]]
    for entry in table["entries"]:
        cells = [_format_best(entry, column["metric"]) for column in table["columns"]]
        name = method_name(entry)
        method = f"{name} ({entry['kind']})" if entry["kind"] else name
        known = format_settings(entry)
        rows.append([method, *cells, *(known[name] for name in settings),
                     entry["evaluation"] or "published"])  # fmt: skip
    rule = "|".join(["", "---", *["---:"] * len(heads), *["---"] * (len(settings) + 1), ""])
    body = [f"| {' | '.join(map(_escape_cell, row))} |" for row in rows]
    switches = ", ".join(f"{name} {value}" for name, value in table["switches"].items())
    notes = [*table["notes"], *([f"Settings: {switches}."] if switches else []),
             *([f"Published: {table['source']}."] if table["source"] else [])]  # fmt: skip
    lines = [f"## {table['title']}", "", body[0], rule, *body[1:], ""]
    return [*lines, *(line for note in notes for line in (_escape_cell(note), ""))]


def _format_best(entry: Data, metric: str) -> str:
    text = format_cell(entry, metric)
    number, _, rest = text.partition(" ")
    return f"**{number}** {rest}".rstrip() if metric in entry["best"] else text


def _escape_cell(text: str) -> str:
    """Escapes text so that it ends neither its cell nor its line."""
    text = show_text(text.replace("\n", " "))
    return text.replace("|", "\\|").replace("<", "&lt;")
