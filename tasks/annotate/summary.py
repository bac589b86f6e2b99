"""The summary of one run of an annotator, added up from receipts."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from data.catalog.database import load_sql
from data.shards.receipts import Receipt, VideoRow
from data.shards.stages import Stage
from data.workspace import Workspace
from tasks.plan import stage_values
from tasks.success import require_success


@dataclass(slots=True)
class AnnotateSummary:
    """The counts of one run; `without` counts videos that went through without a text, by why."""

    workspace: Workspace
    stage: Stage
    done: int = 0
    texts: int = 0
    without: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    seconds: Counter[str] = field(default_factory=Counter)
    hours: float = 0.0

    def add(self, receipt: Receipt[VideoRow]) -> None:
        """Adds a shard's receipt."""
        self.done += len(receipt.done)
        self.texts += sum(row["frames"] for row in receipt.done)
        self.without.update(row["note"] for row in receipt.done if row.get("note"))
        self.failed.update(str(row["reason"]) for row in receipt.failed)
        for part in ("decode", "model"):
            self.seconds[part] += getattr(receipt.seconds, part)

    def require_any(self) -> None:
        """Raises a UserError where videos were tried and none of the stage ever succeeded."""
        if self.failed and not self.done:
            with self.workspace.open_catalog() as catalog:
                done = catalog.execute(load_sql("any_video_done"), **stage_values(self.stage))
            see = f"see `reelflow failures {self.stage.corpus}`"
            require_success("video", len(done), self.failed, see=see)

    def to_dict(self) -> dict[str, Any]:
        """The run's figures by name."""
        minutes = self.hours * 60
        return {
            "corpus": self.stage.corpus,
            "fingerprint": self.stage.fingerprint,
            "done": self.done,
            "texts": self.texts,
            "without": dict(self.without.most_common()),
            "failed": dict(self.failed.most_common()),
            "decode_seconds": self.seconds["decode"],
            "model_seconds": self.seconds["model"],
            "seconds_per_minute_of_video": (
                self.seconds.total() / minutes if minutes else 0.0
            ),
        }  # fmt: skip
