"""Options generated from the fields of specs, so that `--help` and Prefect's forms say the same.

A command names the fields that it exposes, and gets those that the user set as one dictionary:

    POOL = SpecOptions(PoolSpec(), "method")

    @command()
    @add_options(fields=POOL)
    def pool(corpus: Corpus, fields: Fields, root: Root = None) -> None:
        spec = build_spec(PoolSpec(), fields) if fields else None
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import wraps
from typing import Annotated, Any, TypeVar

import typer

from data.specs.base import Spec
from flows.cli.field_options import (
    build_check,
    choose_type,
    describe_option,
    find_bound,
    format_default,
    list_choices,
    report_wrong_values,
)

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
        # By its flag where it has one of its own: two specs of a command may name a field alike.
        name = self.flags[-1].partition("/")[0].lstrip("-") if self.flags else self.path
        return name.replace(".", "_").replace("-", "_")


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
        kind: Any = str if each.parse else choose_type(field, each.choices)
        words = name.replace("_", "-")
        flags = each.flags or (f"--{words}/--no-{words}" if kind is bool else f"--{words}",)
        text = each.help or field.description or ""
        shown = each.default or format_default(default, flags)
        info = typer.Option(
            *flags, help=describe_option(text, shown), callback=build_check(field),
            min=find_bound(field, "ge") if each.min is None else each.min,
            max=find_bound(field, "le"), rich_help_panel=self.panel,
            metavar="|".join(list_choices(field)) or None,
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
        # Defaults are left to the spec: of some fields they follow from others.
        return type(base).model_validate(_merge(base.model_dump(exclude_unset=True), fields))


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
