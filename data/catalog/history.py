"""The work of all runs of a stage together, however it was divided among the runs."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from data.catalog.database import Catalog, load_sql
from data.shards.stages import Stage
from data.throughput import Load, video_hours_per_day

TIME_COLUMNS = ("read", "decode", "model", "write")
CAPACITY_COLUMNS = ("workers", "decoders")


@dataclass(frozen=True, slots=True)
class History:
    """The frames and hours of video that were processed, and the load while any shard ran."""

    frames: int
    hours: float
    load: Load

    @property
    def frames_per_second(self) -> float:
        """Frames per second of the time in which any shard ran; 0 without any."""
        return self.frames / self.load.wall if self.load.wall else 0.0

    @property
    def video_hours_per_day(self) -> float:
        """Hours of video per day of the time in which any shard ran; 0 without any."""
        return video_hours_per_day(self.hours, self.load.wall)


def read_history(catalog: Catalog, stage: Stage) -> History:
    """The totals of a stage's receipts; the catalogue must have merged them."""
    values = {"corpus": stage.corpus, "stage": stage.kind, "fingerprint": stage.fingerprint}
    rows = catalog.query_rows(load_sql("stage_receipts"), **values)
    # Parts of a shard's work add up over workers; its wall time does not.
    spent = {part: float(sum(row[part] for row in rows)) for part in TIME_COLUMNS}
    workers, decoders = (max((row[key] for row in rows), default=1) for key in CAPACITY_COLUMNS)
    spans = (time_span(row["finished"], row["wall"]) for row in rows)
    load = Load(sum_busy_seconds(spans), **spent, workers=workers, decoders=decoders)
    hours = catalog.execute(load_sql("hours_done"), **values)[0][0]
    return History(sum(row["frames"] for row in rows), hours, load)


def sum_busy_seconds(spans: Iterable[tuple[float, float]]) -> float:
    """The length of the spans' union: shards overlap, and runs may be days apart."""
    # By their starts: each span adds only what lies beyond the furthest end so far.
    total, covered_until = 0.0, float("-inf")
    for start, end in sorted(spans):
        total += max(0.0, end - max(start, covered_until))
        covered_until = max(covered_until, end)
    return total


def time_span(finished: str, wall: float) -> tuple[float, float]:
    """When a shard began and ended, in seconds since 1970."""
    end = datetime.fromisoformat(finished).timestamp()
    return end - wall, end
