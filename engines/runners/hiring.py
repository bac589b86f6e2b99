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
DEATHS = 3  # in a row, as they load: it is not chance

log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Hired:
    """An actor, and what to wait for: that Ray has started it somewhere, that it has loaded."""

    actor: Any
    placed: Any
    loaded: Any
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
        self._deaths, self._since = 0, time.monotonic()
        self._told = self._since

    def one(self) -> None:
        """Asks Ray for one more."""
        if not self._hired:
            self._since = self._told = time.monotonic()
        actor = self._ask()
        self._hired.append(Hired(actor, actor.placed.remote(), actor.load.remote()))

    def come(self, working: int) -> Iterator[Any]:
        """The actors that have loaded by now; `working` is how many others are at work.

        Raises what an engine raises as it loads. One that dies of it is asked for anew: a UserError
        after a few in a row, and where nobody works since Ray has no place for `wait_s`.
        """
        for hired in [each for each in self._hired if _done(each.loaded)]:
            if self._has_loaded(hired):
                self._hired.remove(hired)
                self._deaths, working = 0, working + 1
                yield hired.actor
        now = time.monotonic()
        without = [each for each in self._hired if not each.has_place(now)]
        if without:
            self._tell(len(without), working, now)
        for hired in self._hired[:]:
            if hired.placed_at is not None and now - hired.placed_at > self._needs.deadline_s:
                self._ask_anew(hired, f"not loaded within {self._needs.deadline_s:g} s")

    def close(self) -> None:
        """Ends those that have not come."""
        while self._hired:
            end(self._hired.pop().actor)

    def _has_loaded(self, hired: Hired) -> bool:
        import ray
        from ray.exceptions import RayActorError

        try:
            with own_words():
                ray.get(hired.loaded)
        except RayActorError:
            self._ask_anew(hired, "its process died as it loaded")
            return False
        return True

    def _ask_anew(self, hired: Hired, why: str) -> None:
        self._deaths += 1
        if self._deaths >= DEATHS:
            raise UserError(
                f"{DEATHS} workers in a row came to nothing, the last one: {why}; most often their"
                " machine has too little memory for so many: set REELFLOW_WORKERS lower, or"
                " REELFLOW_GPUS_PER_WORKER to 1"
            )
        log.warning("a worker is replaced before its first video: %s", why)
        self._hired.remove(hired)
        end(hired.actor)
        self.one()

    def _tell(self, without: int, working: int, now: float) -> None:
        if working == 0 and now - self._since > self._wait_s:
            raise UserError(f"{self._plight(without)} (tried for {self._wait_s:g} s)")
        if now - self._told > TELL_S:
            self._told = now
            then = f"{working} are at work without" if working else "waiting for"
            log.warning("%s; %s them", self._plight(without), then)

    def _plight(self, without: int) -> str:
        """Why they have no place, and what to do."""
        import ray

        needs, free = self._needs, ray.available_resources()
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        fits = any(
            node.get("CPU", 0) >= needs.cpus and node.get("GPU", 0) >= needs.gpus for node in nodes
        )
        do = (
            f"of its {len(nodes)} nodes, {_said(free.get('CPU', 0), free.get('GPU', 0))} are free:"
            " wait for who has the others, or add nodes"
            if fits
            else "no node is so large: set REELFLOW_CORES_PER_WORKER or REELFLOW_GPUS_PER_WORKER"
            " lower, or add one that is"
        )
        return f"Ray has no place for {without} workers of {_said(needs.cpus, needs.gpus)}: {do}"


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
    return f"{cpus:g} cores and {gpus:g} GPUs"
