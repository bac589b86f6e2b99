"""Options that several commands share; those that are settings go into the environment."""

import os
from collections.abc import Callable
from typing import Annotated, Any

import typer

from data.settings import Settings
from data.workspace import Workspace, open_workspace


def _sets(name: str) -> Callable[[Any], Any]:
    """A callback that makes an option the `REELFLOW_*` setting that flows read."""

    def keep(value: Any) -> Any:
        if value is not None:
            os.environ[f"REELFLOW_{name}"] = str(value)
        return value

    return keep


Root = Annotated[
    str | None,
    typer.Option(
        "--root", help="The store: a folder or URL. [REELFLOW_ROOT, else ./reelflow-store]",
        callback=_sets("ROOT"), is_eager=True,
    ),
]  # fmt: skip
Runner = Annotated[
    str | None,
    typer.Option("--runner", help="ray or in_process.", callback=_sets("RUNNER")),
]
Workers = Annotated[
    int | None,
    typer.Option("--workers", min=1, help="Embedding workers; default: one a GPU, or one in all.",
                 callback=_sets("WORKERS")),
]  # fmt: skip
Threads = Annotated[
    int | None,
    typer.Option("--threads", min=1, help="Of the model; default: as there are cores.",
                 callback=_sets("THREADS")),
]  # fmt: skip
Mmr = Annotated[
    float | None,
    typer.Option("--mmr", min=0, max=1,
                 help="Choose what differs: the weight of the score, 1 the most. [off]"),
]  # fmt: skip
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Corpus = Annotated[str, typer.Argument(metavar="NAME", help="The corpus.")]


def open_store() -> Workspace:
    """The store that the options and the environment name."""
    return open_workspace(Settings())


def columns(named: list[str] | None) -> dict[str, str]:
    """`["txt=caption"]` as `{"txt": "caption"}`."""
    pairs = [each.partition("=") for each in named or []]
    for ours, sign, _ in pairs:
        if not (ours and sign):
            raise typer.BadParameter("write --column txt=NAME, videoLoc=NAME or videoID=NAME")
    return {ours: theirs for ours, _, theirs in pairs}


def given(options: dict[str, Any]) -> dict[str, Any]:
    """The options that somebody asked for: None is what nobody did."""
    return {name: value for name, value in options.items() if value is not None}
