"""An evaluation at work in the store: what it measures, and the rows that its shards left."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from data.runs.evaluations import GroundTruthRef, Target
from data.shards.lists import list_done
from data.shards.receipts import read_receipt
from data.specs.evaluate import EvaluateSpec
from data.specs.pipeline import fingerprint
from data.stamps import hash_json, utc_now
from data.store import layout, tables
from data.store.storage import Store

VERSION = "1"  # part of every fingerprint: raise it only if all scores change


@dataclass(frozen=True)
class Evaluation:
    """Everything that an evaluation's fingerprint names.

    `versions` are those of its metrics, `digests` those of the models that these use, `truths` by
    target the digest of its ground truth. `absent` names, by metric, why it cannot be measured.
    `dropped` counts, by method, the targets that the spec's `remainder` leaves out.
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
        # Locations are left out on purpose, contents are in: a moved folder is the same evaluation.
        targets = [
            (t.id, t.clip, t.method, t.content, t.asked, self.truths.get(t.id, ""))
            for t in self.targets
        ]
        models = [*sorted(self.versions.items()), *sorted(self.digests.items())]
        switches = [self.benchmark, self.mode, sorted(self.dropped.items())]
        return fingerprint(self.spec, VERSION, hash_json([models, switches, targets]))

    @property
    def folder(self) -> str:
        return layout.evaluation_folder(self.fingerprint)


def record_evaluation(store: Store, evaluation: Evaluation) -> dict[str, Any]:
    """The evaluation's record, written where there is none yet."""
    name = layout.spec_file(evaluation.folder)
    if not store.exists(name):
        record = {
            "evaluation": evaluation.fingerprint, "made": utc_now(), "source": evaluation.source,
            "benchmark": evaluation.benchmark, "mode": evaluation.mode,
            # Paths of weights belong to one machine; `digests` names the weights everywhere.
            "spec": evaluation.spec.model_dump(exclude={"weights": True, "clip": {"weights"}}),
            "versions": evaluation.versions, "digests": evaluation.digests,
        }  # fmt: skip
        store.write(name, json.dumps(record, indent=2).encode())
    return json.loads(store.read(name))


def read_target(payload: dict[str, Any]) -> Target:
    """An item of a shard's list, from its JSON object."""
    return Target(**payload | {"truth": GroundTruthRef(**payload["truth"])})


def read_evaluated(store: Store, folder: str) -> dict[str, dict[str, Any]]:
    """The newest row of `tables.EVALUATED_VIDEOS` of each target, by id."""
    # Shards come in the order of attempts: a later row replaces an earlier one.
    return {
        row["id"]: row
        for shard in list_done(store, folder)
        for row in read_receipt(store, folder, shard).rows
    }


def read_measures(store: Store, folder: str) -> Iterator[dict[str, Any]]:
    """The rows of `tables.MEASURES` of every finished shard.

    A video has some in one shard only: it is measured again only where an attempt failed.
    """
    for shard in list_done(store, folder):
        yield from tables.read_table(store, layout.shard_file(folder, shard)).to_pylist()
