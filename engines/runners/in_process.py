"""Runs an engine in this process, one batch after the other: slow, and right by definition."""

import pickle
import threading
from collections.abc import Callable, Iterable, Iterator

from data.batches import iter_batches
from data.outcome import Outcome
from engines.base import Engine
from engines.runners.accounting import check_outcomes


class InProcessRunner:
    """Loads each engine once, whichever thread needs it first, and keeps it until `close`."""

    waited_s = 0.0

    def __init__(self) -> None:
        self._engines: dict[bytes, Engine] = {}
        self._loading = threading.Lock()

    def map(self, make: Callable[[], Engine], items: Iterable, batch: int) -> Iterator[Outcome]:
        """One outcome per item, in the items' order if the engine keeps it."""
        engine = self._get_engine(make)
        for chunk in iter_batches(items, batch):
            yield from check_outcomes(chunk, engine.run(chunk))

    def close(self) -> None:
        for engine in self._engines.values():
            engine.close()
        self._engines.clear()

    def _get_engine(self, make: Callable[[], Engine]) -> Engine:
        key = pickle.dumps(make)  # equal factories share an engine, as they share Ray actors
        with self._loading:
            if key not in self._engines:
                engine = make()
                engine.load()
                self._engines[key] = engine
            return self._engines[key]
