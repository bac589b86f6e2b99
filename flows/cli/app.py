"""The application `reelflow`, which every panel's module adds its commands to."""

from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

# The modules of the panels, in the order of a user's day.
MODULES = ("try_it", "corpus", "search", "generate", "evaluate", "benchmarks", "train", "operate",
           "reembed", "other_systems")  # fmt: skip
PANELS: list[str] = []  # their titles, in the same order


class _InOrder(TyperGroup):
    """Lists commands panel by panel, where typer lists groups of commands first."""

    def list_commands(self, ctx: Any) -> list[str]:
        def find_panel(name: str) -> int:
            return PANELS.index(str(getattr(self.commands[name], "rich_help_panel", "")))

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


def open_panel(title: str) -> Callable[..., Callable[[Callable[..., None]], Callable[..., None]]]:
    """Begins a panel of `reelflow --help`; returns the decorator of its commands."""
    PANELS.append(title)
    return partial(app.command, rich_help_panel=title)


def add_group(name: str, help: str) -> typer.Typer:
    """A group of commands, as `reelflow catalog`, in the panel that was begun last."""
    group = typer.Typer(help=help, no_args_is_help=True)
    app.add_typer(group, name=name, rich_help_panel=PANELS[-1])
    return group


def register_commands() -> None:
    """Imports the panels' modules, which adds their commands to the app."""
    for module in MODULES:
        import_module(f"flows.cli.{module}")
