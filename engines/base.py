"""The two protocols that everything runs on, and how a plugin is found."""

import importlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Protocol, TypeVar

from data.errors import UserError
from data.outcome import Outcome

Item = TypeVar("Item", contravariant=True)
Result = TypeVar("Result", covariant=True)


@dataclass(frozen=True, slots=True)
class Needs:
    """What one worker takes while it runs; `deadline_s` bounds the wait for any single step."""

    cpus: float = 1.0
    gpus: float = 0.0
    memory_gb: float = 1.0
    deadline_s: float = 60.0


class Engine(Protocol[Item, Result]):
    """One worker's share of a stage: load once, then answer for every item it is given."""

    needs: Needs

    def load(self) -> None: ...

    def run(self, batch: Sequence[Item]) -> Iterable[Outcome[Result]]: ...

    def close(self) -> None: ...


class Runner(Protocol):
    """Spreads an engine over workers; the same outcomes whichever runner it is."""

    def map(self, make: Callable[[], Engine], items: Iterable, batch: int) -> Iterator[Outcome]: ...

    def close(self) -> None: ...


def plugin(folder: str, name: str) -> ModuleType:
    """The module of a plugin: `plugin("embed.models", "fake")` is `engines/embed/models/fake.py`.

    A UserError where the folder has no such file.
    """
    path = f"engines/{folder.replace('.', '/')}"
    if not name.isidentifier():
        raise UserError(f"invalid plugin name {name!r}: plugins are the files of {path}")
    module = f"engines.{folder}.{name}"
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        raise UserError(
            f"no plugin {name!r}: add {path}/{name}.py, or name one of its files"
        ) from error
