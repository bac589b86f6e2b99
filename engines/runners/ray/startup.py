"""Workers asked of Ray that are not at work yet: without a place, or loading their engine."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from data.errors import UserError
from engines.base import Needs

TELL_S = 30.0  # between words about workers that Ray has no place for
TRIES = 3  # to start and load one worker: more deaths are not chance

log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Hired:
    """An actor, and what to wait for: that Ray has started it somewhere, that it has loaded."""

    actor: Any
    placed: Any
    loaded: Any
    tried: int
    placed_at: float | None = None

    def has_place(self, now: float) -> bool:
        if self.placed_at is None and _done(self.placed):
            self.placed_at = now
        return self.placed_at is not None


class Hiring:
    """Asks Ray for workers one by one, and tells which have come."""

    def __init__(self, ask: Callable[[], Any], needs: Needs, wait_s: float) -> None:
        self._ask, self._needs, self._wait_s = ask, needs, wait_s
        self._hired: list[Hired] = []
        self._told = time.monotonic()
        self._stuck_since: float | None = None  # nobody works, and nobody has a place
        self._failed: UserError | None = None

    def one(self, tried: int = 0) -> None:
        """Asks Ray for one more."""
        actor = self._ask()
        self._hired.append(Hired(actor, actor.placed.remote(), actor.load.remote(), tried))
        self._told = time.monotonic()

    def come(self, working: int) -> Iterator[Any]:
        """The actors that have loaded by now; `working` is how many others are at work.

        Raises what an engine raises as it loads. One that dies is asked for anew, a few times. A
        UserError where nobody is left then, or where Ray has no place for anybody for `wait_s`.
        """
        if self._failed:
            raise self._failed
        for hired in [each for each in self._hired if _done(each.loaded)]:
            why = self._died(hired)
            if why:
                self._ask_anew(hired, why, working)
            else:
                self._hired.remove(hired)
                working += 1
                yield hired.actor
        now = time.monotonic()
        without = [each for each in self._hired if not each.has_place(now)]
        self._tell(len(without), working, now)
        for hired in self._hired[:]:
            if hired.placed_at is not None and now - hired.placed_at > self._needs.deadline_s:
                self._ask_anew(hired, f"not loaded within {self._needs.deadline_s:g} s", working)

    def close(self) -> None:
        """Ends those that have not come."""
        while self._hired:
            end(self._hired.pop().actor)

    def _died(self, hired: Hired) -> str | None:
        """Of what an actor died that has no more to load; None where it lives."""
        import ray
        from ray.exceptions import RayActorError

        try:
            with own_words():
                ray.get(hired.loaded)
        except RayActorError as error:
            last = str(error).strip().splitlines()[-1]
            return last if error.actor_init_failed else "its process died as it loaded"
        return None

    def _ask_anew(self, hired: Hired, why: str, working: int) -> None:
        end(hired.actor)
        self._hired.remove(hired)
        if hired.tried + 1 < TRIES:
            log.warning("a worker is replaced before its first video: %s", why)
            self.one(hired.tried + 1)
        elif working or self._hired:
            log.warning("a worker is given up after %d tries, the last: %s", TRIES, why)
        else:
            self._failed = UserError(
                f"no worker came to load its engine in {TRIES} tries, the last: {why}; where memory"
                " is short, its machine's or its GPU's, set REELFLOW_WORKERS lower, or"
                " REELFLOW_GPUS_PER_WORKER to 1"
            )
            raise self._failed

    def _tell(self, without: int, working: int, now: float) -> None:
        stuck = without > 0 and without == len(self._hired) and working == 0
        self._stuck_since = (self._stuck_since or now) if stuck else None
        if self._stuck_since and now - self._stuck_since > self._wait_s:
            raise UserError(f"{self._plight(without)} (tried for {self._wait_s:g} s)")
        if without and now - self._told > TELL_S:
            self._told = now
            then = f"{working} work meanwhile" if working else "they are waited for"
            log.warning("%s; %s", self._plight(without), then)

    def _plight(self, without: int) -> str:
        """Why they have no place, and what to do."""
        import ray

        needs, free = self._needs, ray.available_resources()
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        fits = any(
            node.get("CPU", 0) >= needs.cpus and node.get("GPU", 0) >= needs.gpus for node in nodes
        )
        do = (
            f"free on its nodes: {_said(free.get('CPU', 0), free.get('GPU', 0))}; wait for the runs"
            " that hold the rest, or add nodes"
            if fits
            else "no node is so large: set REELFLOW_CORES_PER_WORKER or REELFLOW_GPUS_PER_WORKER"
            " lower, or add one"
        )
        each = _said(needs.cpus, needs.gpus)
        return f"Ray has no place for a worker, {without} in all, that needs {each}: {do}"


def end(actor: Any) -> None:
    """Kills the actor, if it lives."""
    import ray

    with suppress(Exception):
        ray.kill(actor)


@contextmanager
def own_words() -> Iterator[None]:
    """Ray adds a remote traceback to what it raises; a UserError is for the user to read."""
    try:
        yield
    except UserError as error:
        raise UserError(str(getattr(error, "cause", error))) from error


def _done(ref: Any) -> bool:
    import ray

    return bool(ray.wait([ref], timeout=0)[0])


def _said(cpus: float, gpus: float) -> str:
    cores = "1 core" if cpus == 1 else f"{cpus:g} cores"
    return f"{cores} and {gpus:g} GPU{'' if gpus == 1 else 's'}"
