"""The leaderboard as data and as Markdown."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from engines.report.leaderboard.board import Board
from engines.report.leaderboard.table import Entry, Table

Said = dict[str, Any]
SETTINGS = ("clips", "frames", "size", "fps", "references", "background")


def as_data(board: Board) -> Said:
    """All that the tables say, as JSON has it; `best` names the columns that a line leads."""
    return {"tables": [_table(each) for each in board.tables]}


def markdown(said: Said) -> str:
    """The tables in Markdown: means of three decimals with their intervals, the best bold."""
    return "\n".join(line for table in said["tables"] for line in _lines(table))


def artifact(said: Said) -> list[dict[str, str]]:
    """A row for each line of each table."""
    return [
        {"table": table["title"], "method": name_of(entry)}
        | {column["label"]: cell(entry, column["metric"]) for column in table["columns"]}
        | settings(entry)
        for table in said["tables"]
        for entry in table["entries"]
    ]


def cell(entry: Said, metric: str) -> str:
    """As `0.617 [0.601, 0.633]`, with how many videos it is of where some could not be measured."""
    found = entry["cells"].get(metric, {})
    if found.get("value") is None:
        return "–"
    said = f"{found['value']:.3f}"
    if found["low"] is not None:
        said += f" [{found['low']:.3f}, {found['high']:.3f}]"
    return said + (f" n={found['n']}" if found["unmeasured"] else "")


def settings_of(entries: Sequence[Said]) -> list[str]:
    """The settings that any line knows."""
    known = [settings(entry) for entry in entries]
    return [name for name in SETTINGS if any(each[name] != "–" for each in known)]


def settings(entry: Said) -> dict[str, str]:
    """The settings of a line by `SETTINGS`, as text, with a dash for what is not known."""
    background = {None: None, True: "yes", False: "no"}[entry["background"]]
    said = [_clips(entry), entry["frames"], (entry["size"] or "").replace("x", " × "),
            entry["fps"] and f"{entry['fps']:g}", entry["references"], background]  # fmt: skip
    return {name: str(value or "–") for name, value in zip(SETTINGS, said, strict=True)}


def name_of(entry: Said) -> str:
    """The method, with a flag where the bank has some of its clips."""
    return f"⚑ {entry['method']}" if entry["warning"] else entry["method"]


def _clips(entry: Said) -> str | None:
    if entry["videos"] is None:
        return None
    left = [f"{entry[key]} {key}" for key in ("failed", "dropped") if entry[key]]
    return f"{entry['videos']:,}" + (f" ({', '.join(left)})" if left else "")


def _table(table: Table) -> Said:
    said = asdict(table)
    for line, entry in zip(said["entries"], table.entries, strict=True):
        line["best"] = _best(table, entry)
    return said


def _best(table: Table, entry: Entry) -> list[str]:
    return [column.metric for column in table.columns if table.best(column.metric, entry)]


def _lines(table: Said) -> list[str]:
    """A heading, the table, and its notes."""
    heads = [f"{c['label']} {'↓' if c['better'] == 'lower' else '↑'}" for c in table["columns"]]
    about = settings_of(table["entries"])
    rows = [["method", *heads, *about, "evaluation"]]
    for entry in table["entries"]:
        cells = [_bold(entry, column["metric"]) for column in table["columns"]]
        method = f"{name_of(entry)} ({entry['kind']})" if entry["kind"] else name_of(entry)
        said = settings(entry)
        rows.append(
            [method, *cells, *(said[name] for name in about), entry["evaluation"] or "published"]
        )
    rule = "|".join(["", "---", *["---:"] * len(heads), *["---"] * (len(about) + 1), ""])
    body = [f"| {' | '.join(map(_plain, row))} |" for row in rows]
    switches = ", ".join(f"{name} {value}" for name, value in table["switches"].items())
    notes = [*table["notes"], *([f"Made with: {switches}."] if switches else []),
             *([f"Published: {table['source']}."] if table["source"] else [])]  # fmt: skip
    lines = [f"## {table['title']}", "", body[0], rule, *body[1:], ""]
    return [*lines, *(line for note in notes for line in (_plain(note), ""))]


def _bold(entry: Said, metric: str) -> str:
    said = cell(entry, metric)
    number, _, rest = said.partition(" ")
    return f"**{number}** {rest}".rstrip() if metric in entry["best"] else said


def _plain(text: str) -> str:
    """Text that ends neither its cell nor its line."""
    return text.replace("|", "\\|").replace("\n", " ")
