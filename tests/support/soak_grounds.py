"""Where a corpus is struck: how its runs begin and end there, and how far its store is."""

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from support.buckets import Bucket
from support.commands import Result, Run, Shop, children
from support.disks import Disk, mounted
from support.running import asked
from support.topology import OVER, Postgres, Prefect, Ray


@dataclass(frozen=True)
class Kind:
    """What a ground is made of."""

    settings: dict[str, object] = field(default_factory=dict)
    bucket: Bucket | None = None  # the store lies in it, else on a disk
    nodes: int = 0  # of a Ray cluster; none: each run starts a Ray, or works in its process
    served: bool = False  # runs of a deployment, by a Prefect on PostgreSQL
    real: bool = False  # commands as users run them, under Prefect


class Ground:
    """A store, and all that its runs go through."""

    def __init__(self, folder: Path, name: str, kind: Kind) -> None:
        self.folder, self.name, self.kind = folder / name, name, kind
        self.folder.mkdir()
        self.disk: Disk | None = None
        self.ray: Ray | None = None
        self.prefect: Prefect | None = None

    @contextmanager
    def open(self, source: str) -> Iterator["Ground"]:
        """For the block, with runs that bring the source to its index."""
        self.source = source
        with ExitStack() as held:
            self.disk = held.enter_context(mounted(self.folder / "disk", "2g"))
            kept = self.folder / "disk/store"
            root = f"s3://videos/{self.name}" if self.kind.bucket else kept
            where: dict[str, object] = {"ROOT": root, "CATALOG": kept / "catalog.duckdb"}
            if self.kind.nodes:
                self.ray = held.enter_context(Ray(self.folder, cores=1))
                for _ in range(self.kind.nodes):
                    self.ray.join()
                where |= {"RUNNER": "ray", "RAY_ADDRESS": self.ray.address}
            self.shop = Shop(self.folder, **self.kind.settings | where)
            if self.kind.served:
                database = held.enter_context(Postgres(self.folder))
                flows = {f"REELFLOW_{key}": str(said) for key, said in self.shop.settings.items()}
                self.prefect = held.enter_context(Prefect(self.folder, database, flows))
            yield self

    def start(self) -> "Run | Served":
        """A run of the whole pipeline."""
        if self.prefect:
            return Served(self.prefect, self.source)
        words = ("run", "c", "--source", self.source, "--engine", "fake", "--precision", "fp32")
        return self.shop.start_real(*words) if self.kind.real else self.shop.start(*words)

    def files(self) -> int:
        """How far the runs have come."""
        if self.kind.bucket:
            names = self.kind.bucket.names(f"{self.name}/corpora/")
        else:
            names = [str(file) for file in (self.shop.root / "corpora").rglob("*.*")]
        return sum(not name.rsplit("/", 1)[-1].startswith(".") for name in names)

    def kept(self) -> Path:
        """A folder of this machine with what the store and the catalogue hold."""
        if not self.kind.bucket:
            return self.shop.root
        import fsspec

        copy = self.folder / "copy"
        fsspec.filesystem("s3").get(f"videos/{self.name}/", f"{copy}/", recursive=True)
        shutil.copy(str(self.shop.settings["CATALOG"]), copy / "catalog.duckdb")
        return copy


class Served:
    """A run of the deployment, with what `commands.Run` tells of a command."""

    def __init__(self, prefect: Prefect, source: str) -> None:
        spec = {"engine": "fake", "precision": "fp32"}  # as the command has it
        given = {"corpus": "c", "source": source, "embed_spec": spec}
        self.prefect, self.address = prefect, prefect.begin("pipeline/nightly", given)
        self.state = {"type": "SCHEDULED", "name": "Scheduled", "message": ""}

    @property
    def pid(self) -> int | None:
        """The flow's process; None before it is there and once it is gone."""
        found = children(self.prefect.worker.pid, "prefect.engine")
        return found[0] if found else None

    @property
    def err(self) -> str:
        return f"{self.state['name']}: {self.state['message']}"

    def alive(self) -> bool:
        """As far as Prefect knows, where it can be asked."""
        with suppress(OSError):
            self.state = asked(self.address)["state"]
        return self.state["type"] not in OVER

    def kill(self) -> None:
        with suppress(psutil.NoSuchProcess, ProcessLookupError):
            if self.pid:
                os.kill(self.pid, signal.SIGKILL)

    def ended(self) -> Result:
        assert not self.alive(), self.address
        return Result(int(self.state["type"] != "COMPLETED"), "", self.err)

    def take_for_dead(self) -> None:
        """As the automation does with runs that send no heartbeats."""
        dead = {"state": {"type": "CRASHED", "name": "Crashed"}, "force": True}
        asked(f"{self.address}/set_state", dead)
