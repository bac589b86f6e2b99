"""The two protocols that every stage is built on, Engine and Runner, and how plugins are loaded."""

import importlib
import pkgutil
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
    """The resources of one worker while it runs.

    `deadline_s` bounds the wait for any single step: loading, and each next outcome.
    """

    cpus: float = 1.0
    gpus: float = 0.0
    memory_gb: float = 1.0
    deadline_s: float = 60.0


class Engine(Protocol[Item, Result]):
    """One worker's share of a stage: loaded once, then given batch after batch.

    Made on the worker by the factory that `Runner.map` is given, so `__init__` must be cheap, and
    import nothing heavy: a runner also makes one in the flow's process to read its `needs`.
    """

    # A class attribute or set in `__init__`: a runner reads it before `load`.
    needs: Needs

    def load(self) -> None:
        """Loads models and starts decoders; called once, on the worker, before the first batch.

        A UserError raised here reaches the user as it is.
        """
        ...

    def run(self, batch: Sequence[Item]) -> Iterable[Outcome[Result]]:
        """Exactly one outcome per item, `Done` or `Failed`, with the item's `id`.

        Best yielded as they are made: a runner passes them on at once, and saves those that came
        before a crash. What one item alone is to blame for is a `Failed` with a reason; anything
        raised stops the run. Two threads may call `run` at once, so that one batch is decoded
        while another is computed; an engine that cannot compute two takes a lock for that part.
        """
        ...

    def close(self) -> None:
        """Ends what `load` started. A worker that is killed is not closed."""
        ...


class Runner(Protocol):
    """Spreads an engine over workers; the outcomes are the same with every runner."""

    @property
    def waited_s(self) -> float:
        """Seconds in which there was no worker, since no machine had room for one."""
        ...

    def map(self, make: Callable[[], Engine], items: Iterable, batch: int) -> Iterator[Outcome]:
        """Exactly one outcome per item, matched by `id`; items are consumed as workers get free.

        `make` builds the engine on each worker: a picklable factory, such as
        `partial(VideoEmbedder, spec, setup)`. Equal factories share their loaded engines, so that
        calls for one shard after another load nothing anew. `batch` items go to a worker at once.
        Where workers are processes, an item whose worker dies is tried once more by itself, and is
        then `Failed` as "crashed".
        Several threads may map at once. Leaving the iterator early gives up the rest.
        """
        ...

    def close(self) -> None:
        """Ends the workers, and the engines on them."""
        ...


def load_plugin(folder: str, name: str) -> ModuleType:
    """The module of a plugin, such as engines/embed/models/fake.py.

    That one is `load_plugin("embed.models", "fake")`. A UserError with the names that there are,
    where there is no such file.
    """
    known = ", ".join(list_plugins(folder))
    # Names come from users: only an identifier keeps `../x` or `os.path` from being imported.
    if not name.isidentifier():
        raise UserError(f"no plugin {name!r}: choose from {known}")
    module = f"engines.{folder}.{name}"
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module:  # the plugin exists, but imports something that does not
            raise
        raise UserError(f"no plugin {name!r}: choose from {known}") from error


def list_plugins(folder: str) -> list[str]:
    """The names of a folder's plugins, such as those of "embed.models"."""
    package = importlib.import_module(f"engines.{folder}")
    names = (module.name for module in pkgutil.iter_modules(package.__path__))
    return sorted(name for name in names if not name.startswith("_"))
