"""What strikes a run: processes are killed, and what it stands on fails for a while."""

import math
import os
import random
import signal
import time
from collections.abc import Callable
from contextlib import suppress

import psutil

from support.buckets import RESET
from support.commands import DECODER, Run, children, wait_until
from support.soak_grounds import Ground, Served

PROCESSES = ("ray::", DECODER)
LASTS_S = (0.5, 8.0)
Mend = Callable[[], None]


class Strikes:
    """The faults that may strike a run here; those that last are mended when their time is over."""

    def __init__(self, ground: Ground, chance: random.Random) -> None:
        self.ground, self.chance = ground, chance
        self.lasting: list[tuple[float, Mend]] = []
        self.kinds: dict[str, Callable[[Run | Served], Mend | bool]] = {
            "flow": self._flow,
            "worker": self._worker,
            "disk": self._disk,
            "s3": self._s3,
            "node": self._node,
            "postgres": self._postgres,
        }

    def fall(self, run: Run | Served) -> str | None:
        """Strikes the run; the fault's kind, None where there was nothing to strike."""
        for kind in self.chance.sample(list(self.kinds), len(self.kinds)):
            if struck := self.kinds[kind](run):
                if callable(struck):
                    self.lasting.append((time.monotonic() + self.chance.uniform(*LASTS_S), struck))
                return kind
        return None

    def mend(self, now: float = math.inf) -> None:
        """Whatever is due by now; everything, unless told otherwise."""
        due = [mend for at, mend in self.lasting if at <= now]
        self.lasting = [(at, mend) for at, mend in self.lasting if at > now]
        for mend in due:
            mend()

    def _flow(self, run: Run | Served) -> bool:
        """Its process is killed; all that it started must end too."""
        if run.pid is None:
            return False
        below = []
        with suppress(psutil.NoSuchProcess):
            below = psutil.Process(run.pid).children(recursive=True)
        run.kill()
        wait_until(lambda: not any(map(_lives, below)), f"all below ended: {below}")
        return True

    def _worker(self, run: Run | Served) -> bool:
        """One of Ray's workers, or a decoder."""
        above = [node.pid for node in self.ground.ray.nodes] if self.ground.ray else [run.pid]
        with suppress(psutil.NoSuchProcess):
            found = [p for top in above if top for each in PROCESSES for p in children(top, each)]
            if found:
                os.kill(self.chance.choice(sorted(found)), signal.SIGKILL)
            return bool(found)
        return False

    def _node(self, run: Run | Served) -> Mend | bool:
        """All of a node of Ray's at once; another joins."""
        ray = self.ground.ray
        if not ray or len(ray.nodes) < self.ground.kind.nodes:
            return False
        ray.fall(self.chance.choice(ray.nodes))
        return ray.join

    def _disk(self, run: Run | Served) -> Mend | bool:
        """Nothing, or next to nothing, is left on it for a while."""
        disk = self.ground.disk
        if not disk or disk.is_full:
            return False
        disk.fill(but=self.chance.choice((0, 20_000)))
        return disk.empty

    def _s3(self, run: Run | Served) -> Mend | bool:
        """Some of the requests are refused, others cut off, for a while."""
        bucket, die = self.ground.kind.bucket, random.Random(self.chance.random())
        if not bucket:
            return False
        share = self.chance.uniform(0.1, 0.6)
        bucket.fault = lambda asked: die.random() < share and die.choice((True, RESET))
        return lambda: bucket.fail(0)

    def _postgres(self, run: Run | Served) -> Mend | bool:
        """Down at once, as after a crash, and up again."""
        prefect = self.ground.prefect
        if not prefect or prefect.database.process.poll() is not None:
            return False
        prefect.database.fall()
        return prefect.database.rise


def _lives(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False
