"""What a sharded stage consists of: a run, which names its engine, and a writer of its results."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, TypeVar

from data.outcome import Outcome
from data.shards.lists import Shard, read_shard
from data.store.storage import Store
from data.store.whole_files import WholeFiles
from engines.base import Engine, Runner
from tasks.plan import HasId
from tasks.progress import Progress

Item = TypeVar("Item", bound=HasId)
Result = TypeVar("Result")
Row = TypeVar("Row", bound=Mapping[str, Any])


class ShardWriter(WholeFiles, ABC, Generic[Item, Result, Row]):
    """Writes what the outcomes of one shard leave in the store; opened in a `with` block.

    `seconds` (read, decode, model) and `caches` add up what results report of themselves. Files
    that must appear whole are entered into `files`, which drops them where the block fails.
    """

    def __init__(self) -> None:
        super().__init__()
        self.seconds, self.caches = Counter[str](), Counter[str]()

    def find_row(self, item: Item) -> Row | None:
        """The row of an item that an attempt cut short has finished; None where it has to run."""
        return None

    @abstractmethod
    def write(self, item: Item, outcome: Outcome[Result]) -> Row:
        """Keeps a result, and returns the item's row for the receipt."""

    def finish(self) -> None:
        """Writes what is written once a shard; the receipt follows."""


class StageRun(ABC, Generic[Item, Result, Row]):
    """One run of a sharded stage: where it works, by which engine, on which runner."""

    # Not a dataclass: Prefect searches the fields of those for futures, once a shard.

    stage: str  # its word, as in "embed"
    workers = decoders = 1

    def __init__(
        self, store: Store, folder: str, version: str,
        make: Callable[[], Engine[Item, Result]], runner: Runner, batch: int,
    ) -> None:  # fmt: skip
        self.store, self.folder, self.version = store, folder, version
        self.make, self.runner, self.batch = make, runner, batch
        self.progress = Progress(self.stage, 0)

    @abstractmethod
    def read_item(self, payload: dict[str, Any]) -> Item:
        """An item from its JSON object in a list."""

    @abstractmethod
    def open_writer(self, shard: Shard[Item]) -> ShardWriter[Item, Result, Row]:
        """The writer of a shard's results."""

    def to_input(self, item: Item) -> Any:
        """What the engine is given for an item, by the same id: the item itself, as a rule."""
        return item

    def count_hours(self, item: Item, outcome: Outcome[Result]) -> float:
        """Hours of video in an item, where progress counts them."""
        return 0.0

    def count_items(self, shards: Iterable[str]) -> int:
        """How many items the shards list."""
        lists = (read_shard(self.store, self.folder, name, self.read_item) for name in shards)
        return sum(len(shard.items) for shard in lists)
