"""Actors that have been requested from Ray and are not at work yet: unplaced, or still loading."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from data.errors import UserError
from engines.base import Needs
from engines.runners.pooled import MAX_TRIES

LOG_INTERVAL_S = 30.0  # between log lines about actors for which Ray has no free node

log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class StartingActor:
    """An actor, and what it is waited for: that Ray has placed it, that it has loaded."""

    actor: Any
    placed: Any
    loaded: Any
    attempt: int
    placed_at: float | None = None

    def is_placed(self, now: float) -> bool:
        """Whether Ray has started its process on some node; notes the time."""
        if self.placed_at is None and _is_done(self.placed):
            self.placed_at = now
        return self.placed_at is not None


class ActorStartup:
    """Requests actors from Ray one by one, and reports those that are ready."""

    def __init__(self, request: Callable[[], Any], needs: Needs, wait_s: float) -> None:
        self._request, self._needs, self._wait_s = request, needs, wait_s
        self._starting: list[StartingActor] = []
        self._logged_at = self._polled_at = time.monotonic()
        self._stuck_since: float | None = None  # no actor works, and none is placed
        self.waited_s = 0.0  # so, altogether
        self._error: UserError | None = None

    def start_actor(self, attempt: int = 0) -> None:
        """Requests one more actor from Ray."""
        actor = self._request()
        starting = StartingActor(actor, actor.ping.remote(), actor.load.remote(), attempt)
        self._starting.append(starting)
        self._logged_at = time.monotonic()

    def poll_ready(self, working: int) -> Iterator[Any]:
        """The actors that have loaded since the last call; `working` is how many others work.

        Raises what an engine raises as it loads. An actor that dies is requested again, a few
        times. A UserError where none is left then, or where Ray places none for `wait_s`.
        """
        if self._error:
            raise self._error
        for starting in [each for each in self._starting if _is_done(each.loaded)]:
            cause = self._find_death(starting)
            if cause:
                self._retry_actor(starting, cause, working)
            else:
                self._starting.remove(starting)
                working += 1
                yield starting.actor
        now = time.monotonic()
        unplaced = [each for each in self._starting if not each.is_placed(now)]
        self._report_waiting(len(unplaced), working, now)
        # The deadline counts from when it was placed: before that it is Ray that keeps it waiting.
        for starting in self._starting[:]:
            placed_at, deadline_s = starting.placed_at, self._needs.deadline_s
            if placed_at is not None and now - placed_at > deadline_s:
                self._retry_actor(starting, f"not loaded within {deadline_s:g} s", working)

    def close(self) -> None:
        """Kills the actors that are not ready yet."""
        while self._starting:
            kill_actor(self._starting.pop().actor)

    def _find_death(self, starting: StartingActor) -> str | None:
        """Why an actor died as it loaded; None where it is alive."""
        import ray
        from ray.exceptions import RayActorError

        try:
            with unwrap_user_errors():
                ray.get(starting.loaded)
        except RayActorError as error:
            last = str(error).strip().splitlines()[-1]
            return last if error.actor_init_failed else "its process died while loading"
        return None

    def _retry_actor(self, starting: StartingActor, cause: str, working: int) -> None:
        kill_actor(starting.actor)
        self._starting.remove(starting)
        if starting.attempt + 1 < MAX_TRIES:
            log.warning("replacing a worker before its first video: %s", cause)
            self.start_actor(starting.attempt + 1)
        elif working or self._starting:
            log.warning("giving up a worker after %d tries, the last: %s", MAX_TRIES, cause)
        else:
            self._error = UserError(
                f"no worker loaded its engine in {MAX_TRIES} tries, the last: {cause}; if memory"
                " is short, the machine's or the GPU's, set REELFLOW_WORKERS lower, or"
                " REELFLOW_GPUS_PER_WORKER to 1"
            )
            raise self._error

    def _report_waiting(self, unplaced: int, working: int, now: float) -> None:
        stuck = unplaced > 0 and unplaced == len(self._starting) and working == 0
        self.waited_s += now - self._polled_at if stuck else 0.0
        self._polled_at = now
        self._stuck_since = (self._stuck_since or now) if stuck else None
        if self._stuck_since and now - self._stuck_since > self._wait_s:
            diagnosis = self._diagnose_waiting(unplaced)
            raise UserError(f"{diagnosis} (timed out after {self._wait_s:g} s)")
        if unplaced and now - self._logged_at > LOG_INTERVAL_S:
            self._logged_at = now
            others = f"{working} work meanwhile" if working else "waiting for them"
            log.warning("%s; %s", self._diagnose_waiting(unplaced), others)

    def _diagnose_waiting(self, unplaced: int) -> str:
        """Why Ray has not placed actors, and what to do about it."""
        import ray

        needs, free = self._needs, ray.available_resources()
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        fits = any(
            node.get("CPU", 0) >= needs.cpus and node.get("GPU", 0) >= needs.gpus for node in nodes
        )
        unused = _format_resources(free.get("CPU", 0), free.get("GPU", 0))
        advice = (
            f"free on its nodes: {unused}; wait for the runs that use the rest, or add nodes"
            if fits
            else "no node is so large: set REELFLOW_CORES_PER_WORKER or REELFLOW_GPUS_PER_WORKER"
            " lower, or add one"
        )
        each = _format_resources(needs.cpus, needs.gpus)
        return f"Ray has no free node for {unplaced} workers that need {each} each: {advice}"


def kill_actor(actor: Any) -> None:
    """Kills the actor, if it is alive."""
    import ray

    with suppress(Exception):
        ray.kill(actor)


@contextmanager
def unwrap_user_errors() -> Iterator[None]:
    """Raises a worker's UserError as it was: Ray adds a remote traceback to its text."""
    try:
        yield
    except UserError as error:
        raise UserError(str(getattr(error, "cause", error))) from error


def _is_done(ref: Any) -> bool:
    import ray

    return bool(ray.wait([ref], timeout=0)[0])


def _format_resources(cpus: float, gpus: float) -> str:
    cores = "1 core" if cpus == 1 else f"{cpus:g} cores"
    return f"{cores} and {gpus:g} GPU{'' if gpus == 1 else 's'}"
