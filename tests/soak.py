"""A corpus brought to its index while a seeded chance kills, again and again; then looked over.

    python tests/soak.py --seed 1 --videos 2000 --minutes 10

Each round runs `reelflow run c --source fake://N --engine fake` in a store of its own until it has
been struck so many times, and then once undisturbed. A strike falls whenever chance has it: the
flow's process is killed, or one of its Ray workers or decoders and then the flow, or the disk is
full for a while. Afterwards the store must hold what that of an undisturbed run holds.
"""

import argparse
import os
import random
import shutil
import signal
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import evidence
import psutil
from commands import Run, Shop, children, wait_until
from disks import Disk, mounted

from data.leftovers import leftovers

PROCESSES = ("ray::", "guard_child")
FAULTS = ("flow", "flow", "worker", "disk")


@dataclass
class Chaos:
    """Strikes runs of one command in rounds; `survived` counts the strikes by their kind."""

    folder: Path
    videos: int
    seed: int
    settings: dict[str, object] = field(default_factory=dict)
    real: bool = False  # as users run it, under Prefect
    survived: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        shape = f"undecodable={max(1, self.videos // 100)}&missing=1&frames=60"
        self.command = ("run", "c", "--source", f"fake://{self.videos}?{shape}", "--engine", "fake")
        self.undisturbed = self._shop("undisturbed", self.folder / "undisturbed-store")
        self._arrive(self.undisturbed)
        self.files = _files(self.undisturbed.root)

    def round(self, name: str, strikes: int) -> None:
        """One store, struck so many times; an AssertionError where it is not as it should be."""
        with mounted(self.folder / f"{name}-disk", "2g") as disk:
            shop = self._shop(name, self.folder / f"{name}-disk" / "store")
            for left in range(strikes, 0, -1):
                self._strike(shop, disk, left)
            self._arrive(shop)
            self._look_over(shop.root)

    def _shop(self, name: str, root: Path) -> Shop:
        (self.folder / name).mkdir()
        return Shop(self.folder / name, **{"ROOT": root, **self.settings})

    def _start(self, shop: Shop) -> Run:
        return shop.start_real(*self.command) if self.real else shop.start(*self.command)

    def _arrive(self, shop: Shop) -> None:
        run = self._start(shop)
        wait_until(lambda: not run.alive(), "an undisturbed run ended", 3600)
        assert run.ended().code == 0, run.err

    def _strike(self, shop: Shop, disk: Disk | None, left: int) -> None:
        """One run and what strikes it: it ends by it, or goes on to its end."""
        share = max(1, (self.files - _files(shop.root)) // left)  # of what is to be done
        fault = self.chance.choice(FAULTS if disk else FAULTS[:-1])
        run = self._start(shop)
        self._wait(run, shop.root, share)
        if fault == "disk" and disk and run.alive():
            disk.fill(but=self.chance.choice((0, 20_000)))
            self._wait(run, shop.root, share)
            disk.empty()
        elif fault == "worker" and run.alive():
            self._kill_worker(run)
            self._wait(run, shop.root, share)
        if not run.alive() and run.ended().code:
            assert fault == "disk" and "no room left" in run.err, run.err
            self.survived["disk"] += 1
        elif run.alive():
            self._kill(run)

    def _wait(self, run: Run, root: Path, share: int) -> None:
        """Until a few files more are written, however slow the machine is."""
        goal = _files(root) + self.chance.randint(0, share)
        while run.alive() and _files(root) < goal:
            time.sleep(0.01)
        time.sleep(self.chance.uniform(0, 0.2))

    def _kill_worker(self, run: Run) -> None:
        with suppress(psutil.NoSuchProcess):
            found = [pid for each in PROCESSES for pid in children(run.pid, each)]
            if found:
                os.kill(self.chance.choice(sorted(found)), signal.SIGKILL)
                self.survived["worker"] += 1

    def _kill(self, run: Run) -> None:
        """The flow's process; all that it started must end too."""
        below = psutil.Process(run.pid).children(recursive=True)
        run.kill()
        self.survived["flow"] += 1
        wait_until(lambda: not any(map(_lives, below)), f"all below ended: {below}")

    def _look_over(self, root: Path) -> None:
        right = self.undisturbed.root
        assert evidence.artifacts(root) == evidence.artifacts(right)
        assert evidence.status(root) == evidence.status(right)
        assert not evidence.partials(root)
        evidence.assert_rebuilt_the_same(root)
        assert list(leftovers(evidence.workplace(root).store, old_s=0)) == []
        for stage in ("embed", "pool"):
            counts = evidence.outcomes(root, stage)
            assert set(counts.values()) == {1} and counts == evidence.outcomes(right, stage)


def _files(root: Path) -> int:
    """How far a run has come."""
    return sum(not file.name.startswith(".") for file in (root / "corpora").rglob("*.*"))


def _lives(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--videos", type=int, default=2000)
    asked.add_argument("--minutes", type=float, default=10)
    asked.add_argument("--strikes", type=int, default=8, help="in each round")
    asked.add_argument("--shard-size", type=int, default=50)
    asked.add_argument("--runner", choices=("ray", "in_process"), default="ray")
    asked.add_argument("--real", action="store_true", help="under Prefect, as users run it")
    given = asked.parse_args()
    patience = {
        "RAY_gcs_rpc_server_reconnect_timeout_s": "5",
        "RAY_raylet_start_wait_time_s": "300",
    }
    os.environ.update(patience)  # killed Rays end soon, new ones may start slowly
    settings = {"RUNNER": given.runner, "SHARD_SIZE": given.shard_size, "WORKERS": 1}
    folder = Path(tempfile.mkdtemp(prefix="reelflow-soak-"))
    os.environ["TMPDIR"] = str(folder)
    until, rounds = time.monotonic() + given.minutes * 60, 0
    chaos = Chaos(folder, given.videos, given.seed, settings, given.real)
    print(f"an undisturbed run of {given.videos} videos leaves {chaos.files} files", flush=True)
    while rounds == 0 or time.monotonic() < until:
        chaos.round(f"round-{rounds}", given.strikes)
        rounds += 1
        said = ", ".join(f"{kind} {count}" for kind, count in sorted(chaos.survived.items()))
        total = chaos.survived.total()
        print(f"{rounds} x {given.videos} videos, {total} strikes survived: {said}", flush=True)
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
