"""An evaluation at work in the store: what was asked, its written lists, its receipts."""

import json
import socket
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

from data.runs.evaluations import Target, TruthRef
from data.runs.generations import digest, now
from data.shards.lists import names
from data.shards.receipts import write_receipt
from data.specs.evaluate import EvaluateSpec
from data.specs.pipeline import fingerprint
from data.store import layout, tables
from data.store.storage import Store

# What may have been the machine's fault: tried again when the same is asked again.
AGAIN = ("timeout", "crashed")


@dataclass(frozen=True)
class Evaluation:
    """Everything that an evaluation is named by.

    `versions` are those of its metrics, `digests` those of the models that they look with,
    `truths` by target the digest of what its truth is read from. `absent` says of metrics why they
    cannot be measured. Of each method, `dropped` targets are left out by the spec's `remainder`.
    """

    source: str
    benchmark: str | None
    mode: str | None
    spec: EvaluateSpec
    targets: tuple[Target, ...]
    versions: dict[str, str]
    digests: dict[str, str]
    truths: dict[str, str] = field(default_factory=dict)
    dropped: dict[str, int] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)

    @cached_property
    def fingerprint(self) -> str:
        """12 hex digits; the same for the same videos, whatever folder they lie in."""
        said = [
            (t.id, t.clip, t.method, t.content, t.asked, self.truths.get(t.id, ""))
            for t in self.targets
        ]
        made_with = [*sorted(self.versions.items()), *sorted(self.digests.items())]
        asked = [self.benchmark, self.mode, sorted(self.dropped.items())]
        return fingerprint(self.spec, "1", digest([made_with, asked, said]))

    @property
    def folder(self) -> str:
        return layout.evaluation(self.fingerprint)


@dataclass(frozen=True, slots=True)
class Log:
    """The receipt of a shard of targets: one row a video, as `tables.EVALUATED` has them."""

    shard: str
    rows: tuple[dict[str, Any], ...]
    wall: float = 0.0
    host: str = field(default_factory=socket.gethostname)
    finished: str = field(default_factory=now)


def record(store: Store, asked: Evaluation) -> dict[str, Any]:
    """What the evaluation says of itself, written where it is not written yet."""
    name = layout.spec(asked.folder)
    if not store.exists(name):
        said = {
            "evaluation": asked.fingerprint, "made": now(), "source": asked.source,
            "benchmark": asked.benchmark, "mode": asked.mode,
            "spec": asked.spec.model_dump(exclude={"weights": True, "clip": {"weights"}}),
            "versions": asked.versions, "digests": asked.digests,
        }  # fmt: skip
        store.write(name, json.dumps(said, indent=2).encode())
    return json.loads(store.read(name))


def write_targets(store: Store, folder: str, shard: str, targets: Iterable[Target]) -> None:
    """Writes the list of a shard's targets."""
    said = {"id": shard, "targets": [asdict(target) for target in targets]}
    store.write(layout.shard_list(folder, shard), json.dumps(said).encode())


def read_targets(store: Store, folder: str, shard: str) -> list[Target]:
    """The list as it was written."""
    said = json.loads(store.read(layout.shard_list(folder, shard)))
    return [Target(**t | {"truth": TruthRef(**t["truth"])}) for t in said["targets"]]


def finish(store: Store, folder: str, log: Log, measures: list[dict[str, Any]]) -> None:
    """Writes a shard's rows of `tables.MEASURES`, then its receipt, which makes it done."""
    tables.write(store, layout.shard_file(folder, log.shard), tables.MEASURES, measures)
    write_receipt(store, folder, log)


def read_log(store: Store, folder: str, shard: str) -> Log:
    """A shard's receipt."""
    said = json.loads(store.read(layout.receipt(folder, shard)))
    return Log(**said | {"rows": tuple(said["rows"])})


def unfinished(store: Store, folder: str) -> list[str]:
    """The shards without a receipt, and those in which a video may fare better now."""
    done = {
        shard
        for shard in names(store, folder, "receipts")
        if not any(row["reason"] in AGAIN for row in read_log(store, folder, shard).rows)
    }
    return [shard for shard in names(store, folder, "shards") if shard not in done]
