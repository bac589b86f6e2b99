"""The commands by what they are for, as `reelflow --help` shows them."""

import typer

PANELS = {
    "Try it": ("demo", "doctor"),
    "A corpus": ("run", "ingest", "embed", "pool", "index", "status", "failures", "retry"),
    "Search": ("search", "retrieve"),
    "Operate": (
        "up", "down", "schedule", "top", "backfill", "maintain", "compare-vectors", "switch",
        "copy", "catalog",
    ),
    "Generate": (
        "generate", "generations", "report", "passport", "withdraw", "train-controller",
        "experiment",
    ),
    "Evaluate": ("evaluate", "evaluations", "leaderboard", "benchmark", "leaks", "fvd"),
    "Other systems": ("export", "import-ragme", "convert-checkpoint"),
}  # fmt: skip
ORDER = [name for names in PANELS.values() for name in names]


def arrange(app: typer.Typer) -> None:
    """Puts every command that is registered into its panel, in order."""
    panels = {name: panel for panel, names in PANELS.items() for name in names}
    for command in app.registered_commands:
        command.rich_help_panel = panels[_name(command)]
    for group in app.registered_groups:
        group.rich_help_panel = panels[str(group.name)]
    app.registered_commands.sort(key=lambda command: ORDER.index(_name(command)))


def _name(command: typer.models.CommandInfo) -> str:
    """As it is typed."""
    return command.name or (command.callback.__name__ if command.callback else "").replace("_", "-")
