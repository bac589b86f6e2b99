"""A toy engine whose items say what it does with them, for tests of runners."""

import logging
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from data.errors import UserError
from data.outcome import Done, Failed, Outcome
from engines.base import Needs


@dataclass(frozen=True)
class Item:
    """An item: `does` is one of the cases of `Toy._do`, `with_` its argument."""

    id: str
    does: str = "answer"
    with_: str = ""


class Unreadable(Exception):
    """An error that can be pickled, and not be made again from that."""

    def __init__(self, text: str, _code: int) -> None:
        super().__init__(text)


class Toy:
    """Yields `Done(id, (pid, loads))` unless the item says otherwise."""

    def __init__(
        self,
        deadline_s: float = 60.0,
        cpus: float = 0,
        unloadable: str = "",
        deadly: str = "",
        hangs: str = "",
        gpus: float = 0,
    ) -> None:
        """Each byte of the file `deadly` kills a process in `load`; the file `hangs` hangs one."""
        self.needs = Needs(cpus=cpus, gpus=gpus, deadline_s=deadline_s)
        self._unloadable, self._deadly, self._hangs, self._loads = unloadable, deadly, hangs, 0

    def load(self) -> None:
        if self._deadly and (left := os.path.getsize(self._deadly)):
            os.truncate(self._deadly, left - 1)
            os._exit(3)
        if self._hangs:
            with suppress(FileNotFoundError):
                os.remove(self._hangs)  # only one worker can remove it
                time.sleep(3600)
        if self._unloadable:
            raise UserError(self._unloadable)
        self._loads += 1

    def run(self, batch: Sequence[Item]) -> Iterator[Outcome]:
        for item in batch:
            yield from self._do(item)

    def close(self) -> None:
        """Nothing to close."""

    def _do(self, item: Item) -> Iterator[Outcome]:
        done = Done(item.id, (os.getpid(), self._loads))
        match item.does:
            case "answer":
                yield done
            case "name gpu":
                time.sleep(0.1)  # so that others have their turn
                yield Done(item.id, (os.getpid(), os.environ.get("CUDA_VISIBLE_DEVICES")))
            case "slowly":
                time.sleep(float(item.with_))
                yield done
            case "warn":
                logging.getLogger("toys").warning("%s has no sound", item.id)
                logging.getLogger("toys").info("not worth a line")
                yield done
            case "fail":
                yield Failed(item.id, "undecodable", "as told")
            case "twice":
                yield from (done, done)
            case "nothing":
                return
            case "another":
                yield Done("another", None)
            case "raise unreadable":
                raise Unreadable("as told", 1)
            case "raise":
                raise ZeroDivisionError("as told")
            case "exit":
                os._exit(3)
            case "exit once":
                if not Path(item.with_).exists():
                    Path(item.with_).touch()
                    os._exit(3)
                yield done
            case "hang":
                time.sleep(3600)


def make_items(count: int, **does: str) -> list[Item]:
    """Items i0, i1, …; `i3="fail"` says what one of them does."""
    return [Item(f"i{n}", does.get(f"i{n}", "answer")) for n in range(count)]
