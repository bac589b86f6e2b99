"""How a field of a spec is an option: its type, limits, checks, and help."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typer
from annotated_types import Gt, Lt
from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from rich.markup import escape


@contextmanager
def report_wrong_values() -> Iterator[None]:
    """Turns the first error of a spec's validation into wrong usage, exit code 2."""
    try:
        yield
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        text = first["msg"].removeprefix("Value error, ")  # pydantic's, of what a spec itself says
        raise typer.BadParameter(f"{where}: {text}" if where else text) from error


def choose_type(field: FieldInfo, choices: tuple[str, ...]) -> Any:
    """A type that typer knows: without None, a tuple as a list, a Literal with more choices."""
    kind = field.annotation
    if get_origin(kind) in (Union, UnionType):
        kind = next(each for each in get_args(kind) if each is not type(None))
    if get_origin(kind) is tuple:
        return list[str] if list_choices(field) else list[get_args(kind)[0]]  # type: ignore[misc]
    return Literal[*get_args(kind), *choices] if choices else kind


def list_choices(field: FieldInfo) -> tuple[str, ...]:
    """The choices of a field that takes several of them, which typer does not know."""
    kind = field.annotation
    inner = get_args(kind)[0] if get_origin(kind) is tuple else None
    return get_args(inner) if get_origin(inner) is Literal else ()


def find_bound(field: FieldInfo, name: str) -> Any:
    """The field's inclusive bound, `ge` or `le`, which typer checks and shows."""
    return next((getattr(each, name) for each in field.metadata if hasattr(each, name)), None)


def build_check(field: FieldInfo) -> Callable[[Any], Any] | None:
    """Checks an exclusive bound or several choices, which typer does not know."""
    bounded = any(isinstance(each, Gt | Lt) for each in field.metadata)
    if not (bounded or list_choices(field)):
        return None
    kind: Any = Annotated[field.annotation, field, *field.metadata]
    adapter: TypeAdapter[Any] = TypeAdapter(kind)

    def check(value: Any) -> Any:
        with report_wrong_values():
            # Of several choices typer gives a list, which is empty where none was made.
            return value if value in (None, []) else adapter.validate_python(value)

    return check


def describe_option(text: str, default: str) -> str:
    """The help of an option, with its default as typer writes the defaults that it knows."""
    text = escape(" ".join(text.split()))
    return f"{text} [dim]\\[default: {default}][/dim]" if default else text


def format_default(default: Any, flags: tuple[str, ...]) -> str:
    """The default as help shows it; of a switch by the flag that it is."""
    if isinstance(default, bool):
        yes, _, no = flags[0].partition("/")
        return (yes if default else no).lstrip("-")
    if isinstance(default, int | float):
        return f"{default:g}"
    return ", ".join(default) if isinstance(default, tuple) else str(default or "")
