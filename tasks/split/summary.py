"""The summary of one run of splitting, added up from receipts."""

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
class SplitSummary:
    """Videos done and failed by reason, frames looked at, seconds of the run's work."""

    done: int = 0
    frames: int = 0
    seconds: float = 0.0
    failed: Counter[str] = field(default_factory=Counter)

    def add(self, receipt: Receipt[VideoRow]) -> None:
        """Adds a shard's receipt."""
        self.done += len(receipt.done)
        self.frames += sum(row["frames"] for row in receipt.done)
        self.failed.update(str(row["reason"]) for row in receipt.failed)

    def require_any(self, workspace: Workspace, stage: Stage) -> None:
        """Raises a UserError where videos were tried and none of the corpus ever succeeded."""
        if not self.failed or self.done:
            return
        with workspace.open_catalog() as catalog:
            ever = catalog.execute(load_sql("any_video_done"), **stage_values(stage))
        if not ever:
            require_success("video", 0, self.failed)

    def to_dict(self, stage: Stage) -> dict[str, Any]:
        """The run's figures by name."""
        return {
            "corpus": stage.corpus,
            "fingerprint": stage.fingerprint,
            "done": self.done,
            "failed": dict(self.failed.most_common()),
            "frames": self.frames,
            "seconds": self.seconds,
            "frames_per_second": self.frames / self.seconds if self.seconds else 0.0,
        }
