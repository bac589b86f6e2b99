"""The command that ranks evaluations beside what was published."""

import json
from typing import Annotated, Any, Literal

import typer
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from flows.cli.console import live, out
from flows.cli.main import app
from flows.cli.options import Root

Evaluations = Annotated[
    list[str] | None,
    typer.Argument(metavar="[EVALUATION]…", help="Fingerprints, or their first digits. [all]"),
]
Mode = Annotated[Literal["subject", "face"] | None, typer.Option("--mode", help="Only this one.")]
Format = Annotated[
    Literal["text", "md", "json", "html"] | None,
    typer.Option("--format", help="[as --out is named, else text]"),
]

FIGURE = 7  # letters of "[0.977,": in a narrow terminal an interval is two lines, and no figure cut
LEAST = {"method": 9, "of": 9, "evaluation": 12}


@app.command()
def leaderboard(
    evaluations: Evaluations = None,
    mode: Mode = None,
    sort: Annotated[str | None, typer.Option("--sort", help="A metric, or its heading.")] = None,
    format: Format = None,
    file: Annotated[str | None, typer.Option("--out", help="A .md, .json or .html file.")] = None,
    group: Annotated[
        bool, typer.Option("--group", help="Different switches in tables of their own.")
    ] = False,
    clips: Annotated[
        str | None, typer.Option("--clips", help="The benchmark's data folder, for the page.")
    ] = None,
    root: Root = None,
) -> None:
    """Rank evaluations beside the published ones, as tables or a page that plays their videos."""
    from engines.report.leaderboard.text import markdown
    from flows.leaderboard import leaderboard as flow

    file = _file(format, file)
    with live():
        said = flow(evaluations, mode, sort, group, file, clips)
    if file is not None:
        return out().print(f"written: {escape(file)}")
    if format == "json":
        return typer.echo(json.dumps(said, ensure_ascii=False))
    if format == "md":
        return typer.echo(markdown(said))
    for table in said["tables"]:
        _print(table)


def _file(format: str | None, file: str | None) -> str | None:
    """The file to write, if any; its name says the format."""
    if format == "html" and file is None:
        return "leaderboard.html"
    if file is not None:
        ending = file.rpartition(".")[2]
        if ending not in ("md", "json", "html") or format not in (None, ending):
            raise typer.BadParameter("--out names a .md, .json or .html file, as --format says")
    return file


def _print(table: dict[str, Any]) -> None:
    from engines.report.leaderboard.text import cell, name_of, settings, settings_of

    about = settings_of(table["entries"])
    title = escape(table["title"])
    shown = Table(title=title, box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for label in ("method", *(column["label"] for column in table["columns"]), "of", "evaluation"):
        shown.add_column(label, min_width=LEAST.get(label, FIGURE))
    for entry in table["entries"]:
        cells = []
        for column in table["columns"]:
            said = escape(cell(entry, column["metric"]).replace(" ", "\n", 1))
            best = column["metric"] in entry["best"]
            cells.append(f"[bold]{said}[/]" if best else said)
        names = escape(name_of(entry)), entry["evaluation"] or "published"
        known = settings(entry)
        of = ", ".join(f"{name} {known[name]}" for name in about if known[name] != "–")
        shown.add_row(names[0], *cells, of, names[1])
    out().print(shown)
    for note in table["notes"]:
        out().print(escape(note))
    out().print()
