"""What all runs of a stage did together: figures that do not depend on which run did how much."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from data.catalog.database import Catalog, sql
from data.shards.stages import Stage
from data.throughput import Load, video_hours_per_day

PARTS = ("read", "decode", "model", "write")


@dataclass(frozen=True, slots=True)
class History:
    """Frames and hours of video that went through, and the load while any shard was at work."""

    frames: int
    hours: float
    load: Load

    @property
    def frames_per_second(self) -> float:
        return self.frames / self.load.wall if self.load.wall else 0.0

    @property
    def video_hours_per_day(self) -> float:
        return video_hours_per_day(self.hours, self.load.wall)


def history(catalog: Catalog, stage: Stage) -> History:
    """The stage's receipts, added up; the catalogue must have merged them."""
    names = {"corpus": stage.corpus, "stage": stage.kind, "fingerprint": stage.fingerprint}
    rows = catalog.rows(sql("receipts_of"), **names)
    spent = {part: float(sum(row[part] for row in rows)) for part in PARTS}
    workers, decoders = (max((row[key] for row in rows), default=1) for key in _LANES)
    spans = (span_of(row["finished"], row["wall"]) for row in rows)
    load = Load(at_work(spans), **spent, workers=workers, decoders=decoders)
    hours = catalog.execute(sql("hours_done"), **names)[0][0]
    return History(sum(row["frames"] for row in rows), hours, load)


def at_work(spans: Iterable[tuple[float, float]]) -> float:
    """Seconds that the union of the spans lasts: shards overlap, and runs may be days apart."""
    total, reached = 0.0, float("-inf")
    for start, end in sorted(spans):
        total += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return total


def span_of(finished: str, wall: float) -> tuple[float, float]:
    """When a shard was begun and when it was done, in seconds since 1970."""
    end = datetime.fromisoformat(finished).timestamp()
    return end - wall, end


_LANES = ("workers", "decoders")
