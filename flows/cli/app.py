"""The application `reelflow`, which every panel's module adds its commands to."""

from collections.abc import Callable
from functools import partial
from importlib import import_module
from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

# The panels of `reelflow --help` in the order of a user's day, and the modules of their commands.
PANELS = {
    "Try it": "try_it",
    "A corpus": "corpus",
    "Within videos": "split texts duplicates answer score motion",
    "Look around": "browse",
    "Search": "search",
    "Generate": "generate",
    "Refine": "refine",
    "Evaluate": "evaluate",
    "Benchmarks": "benchmarks",
    "Train and experiment": "train experiment",
    "Operate": "operate",
    "Re-embed": "reembed",
    "Other systems": "other_systems",
}


class _InOrder(TyperGroup):
    """Lists commands panel by panel, where typer lists groups of commands first."""

    def list_commands(self, ctx: Any) -> list[str]:
        titles = list(PANELS)

        def find_panel(name: str) -> int:
            return titles.index(getattr(self.commands[name], "rich_help_panel", ""))

        return sorted(self.commands, key=find_panel)


app = typer.Typer(
    name="reelflow",
    cls=_InOrder,
    help="Batch pipelines over large video corpora, from ingest to generated videos.",
    epilog="--debug, with any command, shows Prefect's log and the traceback of an error.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"reelflow {version('reelflow')}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_print_version,
                           is_eager=True),
    ] = False,
) -> None:  # fmt: skip
    """Holds what is an option of the program, not of a command."""


def open_panel(title: str) -> Callable[..., Callable[[Callable[..., None]], Callable[..., None]]]:
    """The decorator of a panel's commands."""
    return partial(app.command, rich_help_panel=title)


def add_group(name: str, help: str, panel: str) -> typer.Typer:
    """A group of commands in a panel, as `reelflow catalog`."""
    group = typer.Typer(help=help, no_args_is_help=True)
    app.add_typer(group, name=name, rich_help_panel=panel)
    return group


def register_commands() -> None:
    """Imports the panels' modules, which adds their commands to the app."""
    for modules in PANELS.values():
        for module in modules.split():
            import_module(f"flows.cli.{module}")
