"""Conditions that a page's filters stand for: values of a column, or a range of it."""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict


class FilterTerm(BaseModel):
    """Videos whose column has one of the `values` (None: no value), or lies from `low` to `high`.

    `low` and `high` are numbers, or dates as text; either may be missing.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    column: str
    values: tuple[str | bool | int | float | None, ...] | None = None
    low: float | str | None = None
    high: float | str | None = None

    def to_condition(self) -> str:
        """The term as SQL, with every name and value quoted."""
        name = quote_name(self.column)
        if self.values is not None:
            present = [_quote_value(value) for value in self.values if value is not None]
            parts = [f"{name}::VARCHAR IN ({', '.join(present)})"] if present else []
            parts += [f"{name} IS NULL"] if None in self.values else []
            return f"({' OR '.join(parts)})" if parts else "false"
        parts = [f"{name} >= {_quote_bound(self.low)}"] if self.low is not None else []
        parts += [f"{name} <= {_quote_bound(self.high)}"] if self.high is not None else []
        return f"({' AND '.join(parts)})" if parts else "true"


def join_conditions(terms: Sequence[FilterTerm], where: str | None) -> list[str]:
    """The conditions of the terms, then the one that somebody wrote."""
    return [each.to_condition() for each in terms] + ([where] if where and where.strip() else [])


def quote_name(name: str) -> str:
    """A column's name as SQL has it."""
    return '"' + name.replace('"', '""') + '"'


def _quote_value(value: Any) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return "'" + text.replace("'", "''") + "'"


def _quote_bound(value: float | str | None) -> str:
    return repr(float(value)) if isinstance(value, int | float) else _quote_value(value)
