"""The summary of one embed run, added up from receipts: counts, rates, bottleneck, cost."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from data.catalog.coverage import compute_coverage
from data.catalog.database import load_sql
from data.shards.receipts import Receipt, VideoRow
from data.shards.stages import Stage, read_spec
from data.specs.models import describe_model
from data.specs.pipeline import EmbedSpec
from data.throughput import Load, video_hours_per_day
from data.workspace import Workspace
from tasks.cost import compute_cost
from tasks.host_tally import HostTally
from tasks.plan import stage_values
from tasks.success import require_success

PARTS = ("read", "decode", "model", "write")


@dataclass(slots=True)
class EmbedSummary:
    """The counts of one run; receipts are added up and dropped, however many there are."""

    workspace: Workspace
    stage: Stage
    workers: int
    shards: int = 0
    done: int = 0
    frames: int = 0
    damaged: int = 0  # packets of videos that are done
    failed: Counter[str] = field(default_factory=Counter)
    spent: Counter[str] = field(default_factory=Counter)
    hosts: HostTally = field(default_factory=HostTally)
    decoders: int = 1
    seconds: float = 0.0  # wall time of the run's work
    hours: float = 0.0  # of video
    held_s: float = 0.0  # that workers were held, with the loading of models: what is paid for

    def add(self, receipt: Receipt[VideoRow]) -> None:
        """Adds a shard's receipt."""
        done = receipt.done
        self.shards += 1
        self.done += len(done)
        self.frames += sum(row["frames"] for row in done)
        self.damaged += sum(row.get("damaged", 0) for row in done)
        self.failed.update(str(row["reason"]) for row in receipt.failed)
        for part in PARTS:
            self.spent[part] += getattr(receipt.seconds, part)
        self.decoders = receipt.decoders

    @property
    def attempts(self) -> int:
        """The number of videos tried."""
        return self.done + self.failed.total()

    def require_any(self) -> None:
        """Raises a UserError where videos were tried and none of the stage ever succeeded."""
        # Ever, not only now: one broken video that is new in a good corpus is no failed run.
        if self.failed and not self.done and not self._is_any_done():
            see = f"see `reelflow failures {self.stage.corpus}`"
            require_success("video", 0, self.failed, see=see)

    def require_hosts(self) -> None:
        """Raises a UserError where none of a whole host's videos came."""
        share, again = self.workspace.settings.failed_share, f"`reelflow embed {self.stage.corpus}`"
        self.hosts.require_hosts(share, f"{again} tries them again", summary=self.to_dict())

    def to_dict(self) -> dict[str, Any]:
        """The run's figures by name."""
        parts = {part: float(self.spent[part]) for part in PARTS}
        load = Load(self.seconds, **parts, workers=self.workers, decoders=self.decoders)
        return {
            "corpus": self.stage.corpus,
            "fingerprint": self.stage.fingerprint,
            "model": describe_model(read_spec(self.workspace.store, self.stage, EmbedSpec)),
            "shards": self.shards,
            "done": self.done,
            "failed": dict(self.failed.most_common()),
            "frames": self.frames,
            "damaged_packets": self.damaged,
            "seconds": self.seconds,
            "frames_per_second": self.frames / self.seconds if self.seconds else 0.0,
            "video_hours_per_day": video_hours_per_day(self.hours, self.seconds),
            "busy": load.busy_shares(),
            "bottleneck": load.describe_bottleneck() if self.shards else "nothing to do",
            **compute_cost(self.workspace.settings, self.held_s, self.workers),
        }

    def _is_any_done(self) -> bool:
        with self.workspace.open_catalog() as catalog:
            return bool(catalog.execute(load_sql("any_video_done"), **stage_values(self.stage)))


def count_covered(workspace: Workspace, stage: Stage) -> tuple[int, int]:
    """How many of a corpus's videos have passed a stage, and how many there are."""
    with workspace.open_synced_catalog(stage.corpus) as catalog:
        coverage = compute_coverage(catalog, workspace.store, stage.corpus, stage)
    videos = coverage["stages"][stage.kind]["videos"]
    return videos["done"], videos["total"]


def format_covered(done: int, total: int) -> str:
    """As "96.5% of 2,000"."""
    return f"{done / total if total else 0.0:.1%} of {total:,}"
