"""A corpus brought to its index while a seeded chance strikes, again and again; then looked over.

    python tests/soak.py --seed 1 --videos 2000 --minutes 10
    python tests/soak.py --seed 1 --videos 20000 --served --nodes 2 --store s3

Each round brings `fake://N` to its index in a store of its own, run after run, until one went
through. A strike falls every few seconds: a process of the flow, of Ray or a decoder is killed, or
the disk is full for a while; with `--nodes` a node of a Ray cluster dies and another joins, with
`--served` the runs are a deployment's and PostgreSQL, on which Prefect's server stands, goes down
and comes back, with `--store s3` requests are refused and cut off. Afterwards the store must hold
what that of an undisturbed run holds. A strike counts as survived if a run was alive when it fell
and its round ended well.
"""

import argparse
import logging
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import psutil
import pytest
from support import buckets
from support.commands import Run, wait_until
from support.soak_evidence import look_over, try_again
from support.soak_grounds import Ground, Kind, Served
from support.soak_strikes import Strikes
from support.topology import TOKEN

log = logging.getLogger(__name__)

GONE_S = 300.0  # after which it should be known that a run's process is dead


@dataclass(frozen=True)
class Pace:
    """When the next strike falls: after about so many seconds, and at most so many files more."""

    seconds: float = 0.0
    files: int = 0
    strikes: int | None = None  # in a round; None: for as long as it takes


@dataclass
class Chaos:
    """Strikes runs in rounds, and counts."""

    folder: Path
    videos: int
    seed: int
    settings: dict[str, object]
    survived: Counter[str] = field(default_factory=Counter)  # strikes, by kind
    ends: Counter[str] = field(default_factory=Counter)  # of runs
    again: int = 0  # videos that saw two workers die, and were asked for again
    peak: int = 0  # bytes of the flow's process: its own, and its part of what it shares

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        shape = f"undecodable={max(1, self.videos // 100)}&missing=1&frames=60"
        self.source = f"fake://{self.videos}?{shape}"
        plain = Kind(self.settings | {"RUNNER": "in_process", "WORKERS": 1})
        self.held = ExitStack()
        self.undisturbed = Ground(self.folder, "undisturbed", plain)
        self.held.enter_context(self.undisturbed.open(self.source))
        self.run = self.undisturbed.start()

    @cached_property
    def correct(self) -> Path:
        """The store that an undisturbed run leaves, which works beside the first round."""
        with self.held:
            wait_until(lambda: not self.run.alive(), "an undisturbed run ended", 3600)
            assert self.run.ended().code == 0, self.run.err
            return Path(shutil.copytree(self.undisturbed.kept(), self.folder / "right"))

    def round(self, name: str, kind: Kind, pace: Pace) -> None:
        """One store, struck until it is whole; an AssertionError where it is not right."""
        with Ground(self.folder, name, kind).open(self.source) as ground:
            struck: Counter[str] = Counter()
            while not self._through(ground, pace, struck):
                pass
            tried = try_again(ground)
            look_over(ground, self.correct, bool(tried))
            self.again += tried
            self.survived += struck

    def _through(self, ground: Ground, pace: Pace, struck: Counter[str]) -> bool:
        """One run, struck until it ends; whether it went through."""
        run, strikes = ground.start(), Strikes(ground, self.chance)
        killed = 0.0
        while run.alive():
            self._wait(run, ground, pace, strikes)
            if killed:
                gone = not strikes.lasting and time.monotonic() - killed > GONE_S
                if gone and isinstance(run, Served):
                    run.take_for_dead()
                    self.ends["not known to have been killed"] += 1
            elif run.alive() and struck.total() != pace.strikes and (kind := strikes.fall(run)):
                struck[kind] += 1
                log.info("%s, after %d files", kind, ground.files())
                killed = time.monotonic() if kind == "flow" else 0.0
        strikes.mend()
        return self._ended(run, killed > 0)

    def _wait(self, run: Run | Served, ground: Ground, pace: Pace, strikes: Strikes) -> None:
        """Until the next strike is due, however slow the machine is."""
        due = time.monotonic() + self.chance.uniform(0.5, 1.5) * pace.seconds
        goal = ground.files() + self.chance.randint(0, pace.files)
        while True:
            began = time.monotonic()
            strikes.mend(began)
            self._weigh(run)
            if not run.alive() or (began >= due and ground.files() >= goal):
                return
            time.sleep(max(0.01, min(0.5, time.monotonic() - began)))

    def _ended(self, run: Run | Served, killed: bool) -> bool:
        went = run.ended()
        log.info("a run ended: %d", went.code)
        if went.code == 0:
            self.ends["went through"] += 1
        elif killed:
            self.ends["killed"] += 1
        else:
            assert "no room left" in went.err, went.err
            self.ends["no room left"] += 1
        return went.code == 0

    def _weigh(self, run: Run | Served) -> None:
        with suppress(psutil.Error):
            if run.pid:
                self.peak = max(self.peak, psutil.Process(run.pid).memory_full_info().pss)

    def __str__(self) -> str:
        kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(self.survived.items()))
        ends = ", ".join(f"{count} {end}" for end, count in sorted(self.ends.items()))
        return (
            f"{self.survived.total()} strikes survived ({kinds}); runs: {ends}; {self.again} videos"
            f" asked for again; a flow's process took {self.peak / 2**20:.0f} MiB at most"
        )


def main() -> None:
    given = _asked()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended from outside"))
    logging.basicConfig(format="%(asctime)s %(message)s")
    log.setLevel(logging.INFO)
    if given.nodes:
        os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": TOKEN}
    else:
        os.environ |= {"RAY_gcs_rpc_server_reconnect_timeout_s": "5"}  # killed ones end soon
    settings = {"RUNNER": given.runner, "SHARD_SIZE": given.shard_size, "WORKERS": given.nodes or 1}
    settings |= {"CORES_PER_WORKER": 1, "DECODERS": 1, "DECODE_DEADLINE_S": 300}
    folder = Path(tempfile.mkdtemp(prefix="rf-", dir="/tmp"))  # short: Ray's sockets lie in it
    tempfile.gettempdir()  # this process's own stays: its last file goes after the folder
    os.environ["TMPDIR"] = str(folder)
    until, rounds = time.monotonic() + given.minutes * 60, 0
    with ExitStack() as held:
        bucket = None
        if given.store == "s3":
            bucket = held.enter_context(
                buckets.served(held.enter_context(pytest.MonkeyPatch.context()))
            )
        kind = Kind(settings, bucket, given.nodes, given.served, given.real)
        chaos = Chaos(folder, given.videos, given.seed, settings)
        pace = Pace(given.every, given.files, given.strikes)
        while rounds == 0 or time.monotonic() < until:
            chaos.round(f"round-{rounds}", kind, pace)
            rounds += 1
            print(f"{rounds} x {given.videos} videos: {chaos}", flush=True)
    shutil.rmtree(folder)


def _asked() -> argparse.Namespace:
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--videos", type=int, default=2000)
    asked.add_argument("--minutes", type=float, default=0, help="rounds begin for as long")
    asked.add_argument("--every", type=float, default=5, help="seconds between strikes, about")
    asked.add_argument("--files", type=int, default=4, help="at most so many between them")
    asked.add_argument("--strikes", type=int, help="in a round [for as long as it takes]")
    asked.add_argument("--shard-size", type=int, default=50)
    asked.add_argument("--runner", choices=("ray", "in_process"), default="ray")
    asked.add_argument("--real", action="store_true", help="under Prefect, as users run it")
    asked.add_argument("--nodes", type=int, default=0, help="of a Ray cluster")
    asked.add_argument("--served", action="store_true", help="by Prefect on PostgreSQL")
    asked.add_argument("--store", choices=("disk", "s3"), default="disk")
    return asked.parse_args()


if __name__ == "__main__":
    main()
