"""The leaderboard's text for flows and commands, which do not import engines themselves."""

from engines.report.leaderboard.text import (
    format_cell,
    format_settings,
    list_settings,
    method_name,
    to_data,
    to_markdown,
    to_rows,
)

__all__ = [
    "format_cell",
    "format_settings",
    "list_settings",
    "method_name",
    "to_data",
    "to_markdown",
    "to_rows",
]
