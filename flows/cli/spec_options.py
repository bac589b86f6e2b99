"""Options generated from the fields of specs, so that `--help` and Prefect's forms say the same.

A command names the fields that it exposes, and gets those that the user set as one dictionary:

    POOL = SpecOptions(PoolSpec(), "method")

    @command()
    @add_options(fields=POOL)
    def pool(corpus: Corpus, fields: Fields, root: Root = None) -> None:
        spec = build_spec(PoolSpec(), fields) if fields else None
"""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import wraps
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import typer
from annotated_types import Gt, Lt
from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from data.specs.pipeline import Spec
from flows.cli.console import escape

KEYWORD_ONLY = inspect.Parameter.KEYWORD_ONLY
Fields = dict[str, Any]  # what the user set; a nested spec's fields as a dictionary in it
AnySpec = TypeVar("AnySpec", bound=Spec)


@dataclass(frozen=True)
class FieldOption:
    """How a field is an option: what differs from an option `--field` of the field's own type."""

    path: str  # of a nested spec's field, "rag.init"
    flags: tuple[str, ...] = ()
    also: str | None = None  # another field that gets the same value
    choices: tuple[str, ...] = ()  # beside the field's own
    parse: Callable[[str], Any] | None = None  # makes the field's value of a text
    min: int | None = None
    help: str | None = None
    default: str | None = None  # as help shows it

    @property
    def parameter(self) -> str:
        """The name under which typer passes the value."""
        return self.path.replace(".", "_")


def option(path: str, *flags: str, **differs: Any) -> FieldOption:
    """A field as an option of these flags; `differs` are fields of `FieldOption`."""
    return FieldOption(path, flags, **differs)


class SpecOptions:
    """The fields of a spec that a command exposes; help shows the defaults of this instance."""

    def __init__(self, spec: Spec, *fields: str | FieldOption, panel: str | None = None) -> None:
        self.spec, self.panel = spec, panel
        self.fields = [option(each) if isinstance(each, str) else each for each in fields]

    def put_under(self, parent: str, *without: str) -> list[FieldOption]:
        """These options for a spec that has this one as its field `parent`, but for some paths."""
        named = [each for each in self.fields if each.path not in without]
        return [replace(each, path=f"{parent}.{each.path}") for each in named]

    def build_parameters(self) -> list[inspect.Parameter]:
        """A parameter for typer to read for each field; all are None unless the user sets them."""
        return [self._build_parameter(each) for each in self.fields]

    def collect(self, values: dict[str, Any]) -> Fields:
        """Takes the options that the user set out of a command's arguments."""
        fields: Fields = {}
        for each in self.fields:
            value = values.pop(each.parameter)
            if value is not None:
                value = each.parse(value) if each.parse else value
                _set_field(fields, each.path, value)
                if each.also:
                    _set_field(fields, each.also, value)
        return fields

    def _build_parameter(self, each: FieldOption) -> inspect.Parameter:
        *parents, name = each.path.split(".")
        owner: Any = self.spec
        for parent in parents:
            owner = getattr(owner, parent)
        field, default = type(owner).model_fields[name], getattr(owner, name)
        kind: Any = str if each.parse else _option_type(field, each.choices)
        words = name.replace("_", "-")
        flags = each.flags or (f"--{words}/--no-{words}" if kind is bool else f"--{words}",)
        text = each.help or field.description or ""
        shown = each.default or _format_default(default, flags)
        info = typer.Option(
            *flags, help=describe_option(text, shown), callback=_build_check(field),
            min=_bound(field, "ge") if each.min is None else each.min,
            max=_bound(field, "le"), rich_help_panel=self.panel,
            metavar="|".join(_list_choices(field)) or None,
        )  # fmt: skip
        return inspect.Parameter(
            each.parameter, KEYWORD_ONLY, default=None, annotation=Annotated[kind | None, info]
        )


def add_options(**groups: SpecOptions) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Replaces a command's parameters of these names by the options of their fields."""

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        own = inspect.signature(function, eval_str=True)
        parameters: list[inspect.Parameter] = []
        for name, parameter in own.parameters.items():
            # Keyword-only ones may follow each other in any order, with a default or without.
            keyword = [parameter.replace(kind=KEYWORD_ONLY)]
            parameters += groups[name].build_parameters() if name in groups else keyword

        @wraps(function)
        def command(**values: Any) -> None:
            for name, group in groups.items():
                values[name] = group.collect(values)
            function(**values)

        vars(command)["__signature__"] = own.replace(parameters=parameters)
        return command

    return decorate


def build_spec(base: AnySpec, fields: Fields) -> AnySpec:
    """The spec with the fields that the user set; wrong values are wrong usage."""
    with report_wrong_values():
        return type(base).model_validate(_merge(base.model_dump(), fields))


@contextmanager
def report_wrong_values() -> Iterator[None]:
    """Turns the first error of a spec's validation into wrong usage, exit code 2."""
    try:
        yield
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise typer.BadParameter(f"{where}: {first['msg']}" if where else first["msg"]) from error


def _merge(base: dict[str, Any], fields: Fields) -> dict[str, Any]:
    nested = {
        name: _merge(base[name], value)
        for name, value in fields.items()
        if isinstance(value, dict) and isinstance(base.get(name), dict)
    }
    return base | fields | nested


def _set_field(fields: Fields, path: str, value: Any) -> None:
    *parents, name = path.split(".")
    for parent in parents:
        fields = fields.setdefault(parent, {})
    fields[name] = value


def _option_type(field: FieldInfo, choices: tuple[str, ...]) -> Any:
    """A type that typer knows: without None, a tuple as a list, a Literal with more choices."""
    kind = field.annotation
    if get_origin(kind) in (Union, UnionType):
        kind = next(each for each in get_args(kind) if each is not type(None))
    if get_origin(kind) is tuple:
        return list[str] if _list_choices(field) else list[get_args(kind)[0]]  # type: ignore[misc]
    return Literal[*get_args(kind), *choices] if choices else kind


def _list_choices(field: FieldInfo) -> tuple[str, ...]:
    """The choices of a field that takes several of them, which typer does not know."""
    kind = field.annotation
    inner = get_args(kind)[0] if get_origin(kind) is tuple else None
    return get_args(inner) if get_origin(inner) is Literal else ()


def _bound(field: FieldInfo, name: str) -> Any:
    """The field's inclusive bound, `ge` or `le`, which typer checks and shows."""
    return next((getattr(each, name) for each in field.metadata if hasattr(each, name)), None)


def _build_check(field: FieldInfo) -> Callable[[Any], Any] | None:
    """Checks an exclusive bound or several choices, which typer does not know."""
    bounded = any(isinstance(each, Gt | Lt) for each in field.metadata)
    if not (bounded or _list_choices(field)):
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


def _format_default(default: Any, flags: tuple[str, ...]) -> str:
    if isinstance(default, bool):
        yes, _, no = flags[0].partition("/")
        return (yes if default else no).lstrip("-")
    if isinstance(default, int | float):
        return f"{default:g}"
    return ", ".join(default) if isinstance(default, tuple) else str(default or "")
