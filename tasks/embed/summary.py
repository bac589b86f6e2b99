"""The receipts of one run of embed, added up: counts, rates, the part that binds, the cost."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from prefect.context import FlowRunContext
from prefect.events import emit_event

from data.catalog.coverage import coverage
from data.catalog.database import sql
from data.errors import UserError
from data.shards.receipts import Receipt
from data.shards.stages import Stage
from data.throughput import Load, video_hours_per_day
from data.workspace import Workspace
from tasks.cost import spent

PARTS = ("read", "decode", "model", "write")


@dataclass(slots=True)
class Tally:
    """Nothing of the receipts is kept, however many there are."""

    workspace: Workspace
    stage: Stage
    workers: int
    shards: int = 0
    done: int = 0
    frames: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    spent: Counter[str] = field(default_factory=Counter)
    decoders: int = 1
    held_s: float = 0.0  # that workers were held, while their models were loaded too

    def add(self, receipt: Receipt) -> None:
        self.shards += 1
        self.done += len(receipt.done)
        self.frames += sum(made.frames for made in receipt.done)
        self.failed.update(refused.reason for refused in receipt.failed)
        for part in PARTS:
            self.spent[part] += getattr(receipt.seconds, part)
        self.decoders = receipt.decoders

    @property
    def tried(self) -> int:
        return self.done + sum(self.failed.values())

    def refuse_nothing(self) -> None:
        """A UserError where videos were tried, and none of the stage went through, now or ever.

        A night that brings one broken video to a good corpus is no failure of the run.
        """
        failed = sum(self.failed.values())
        if self.done or not failed or self._ever():
            return
        reasons = ", ".join(f"{n} {reason}" for reason, n in self.failed.most_common())
        raise UserError(
            f"nothing went through: {failed} of {failed} failed ({reasons});"
            f" see `reelflow failures {self.stage.corpus}`"
        )

    def summary(self, wall_s: float, hours: float) -> dict[str, Any]:
        """The run's figures."""
        parts = {part: float(self.spent[part]) for part in PARTS}
        load = Load(wall_s, **parts, workers=self.workers, decoders=self.decoders)
        return {
            "corpus": self.stage.corpus,
            "fingerprint": self.stage.fingerprint,
            "shards": self.shards,
            "done": self.done,
            "failed": dict(self.failed.most_common()),
            "frames": self.frames,
            "seconds": wall_s,
            "frames_per_second": self.frames / wall_s if wall_s else 0.0,
            "video_hours_per_day": video_hours_per_day(hours, wall_s),
            "busy": load.shares(),
            "bottleneck": load.sentence() if self.shards else "nothing to do",
            **spent(self.workspace.settings, self.held_s, self.workers),
        }

    def tell_of_failures(self) -> None:
        """Prefect's event `reelflow.many-failures`, where more failed than is usual."""
        failed = sum(self.failed.values())
        most = self.workspace.settings.failed_share * self.tried
        if FlowRunContext.get() is None or failed <= most:
            return
        emit_event(
            "reelflow.many-failures",
            {"prefect.resource.id": f"reelflow.corpus.{self.stage.corpus}"},
            payload={"stage": self.stage.kind, "failed": failed, "tried": self.tried,
                     "share": failed / self.tried, "reasons": dict(self.failed)},
        )  # fmt: skip

    def _ever(self) -> bool:
        stage = self.stage
        with self.workspace.catalog() as catalog:
            values = {"corpus": stage.corpus, "stage": stage.kind, "fingerprint": stage.fingerprint}
            return bool(catalog.execute(sql("any_done"), **values))


def covered(workspace: Workspace, stage: Stage) -> tuple[int, int]:
    """How many of a corpus's videos are through a stage, of how many."""
    with workspace.catalog() as catalog:
        found = coverage(catalog, workspace.store, stage.corpus, stage)
    videos = found["stages"][stage.kind]["videos"]
    return videos["done"], videos["total"]


def share(done: int, total: int) -> str:
    """As "96.5% of 2,000"."""
    return f"{done / total if total else 0.0:.1%} of {total:,}"
