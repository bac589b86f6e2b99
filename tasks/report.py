"""What a run says when it ends: counts, rates, the part that binds; the same as an artifact."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.context import FlowRunContext
from prefect.events import emit_event

from data.bottleneck import Load, video_hours_per_day
from data.catalog import sql
from data.chain import Stage
from data.coverage import coverage
from data.errors import UserError
from data.receipts import Receipt
from data.workplace import Workplace


@dataclass(slots=True)
class Tally:
    """The receipts of one run, added up; nothing of them is kept, however many there are."""

    stage: Stage
    workers: int
    shards: int = 0
    done: int = 0
    frames: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    spent: Counter[str] = field(default_factory=Counter)
    decoders: int = 1

    def add(self, receipt: Receipt) -> None:
        self.shards += 1
        self.done += len(receipt.done)
        self.frames += sum(made.frames for made in receipt.done)
        self.failed.update(refused.reason for refused in receipt.failed)
        for part in ("read", "decode", "model", "write"):
            self.spent[part] += getattr(receipt.seconds, part)
        self.decoders = receipt.decoders

    @property
    def tried(self) -> int:
        return self.done + sum(self.failed.values())

    def refuse_nothing(self, place: Workplace) -> None:
        """A UserError where videos were tried, and none of the stage went through, now or ever.

        A night that brings one broken video to a good corpus is no failure of the run.
        """
        failed = sum(self.failed.values())
        if self.done or not failed or _ever(place, self.stage):
            return
        reasons = ", ".join(f"{n} {reason}" for reason, n in self.failed.most_common())
        raise UserError(
            f"nothing went through: {failed} of {failed} failed ({reasons});"
            f" see `reelflow failures {self.stage.corpus}`"
        )

    def summary(self, wall_s: float, hours: float) -> dict[str, Any]:
        """The run's figures."""
        spent = {part: float(self.spent[part]) for part in ("read", "decode", "model", "write")}
        load = Load(wall_s, **spent, workers=self.workers, decoders=self.decoders)
        return {
            "corpus": self.stage.corpus,
            "fingerprint": self.stage.fingerprint,
            "shards": self.shards,
            "done": self.done,
            "failed": dict(self.failed),
            "frames": self.frames,
            "seconds": wall_s,
            "frames_per_second": self.frames / wall_s if wall_s else 0.0,
            "video_hours_per_day": video_hours_per_day(hours, wall_s),
            "busy": load.shares(),
            "bottleneck": load.sentence() if self.shards else "nothing to do",
        }


def _ever(place: Workplace, stage: Stage) -> bool:
    with place.catalog() as catalog:
        values = {"corpus": stage.corpus, "stage": stage.kind, "fingerprint": stage.fingerprint}
        return bool(catalog.execute(sql("any_done"), **values))


def share_done(place: Workplace, corpus: str) -> str:
    """How much of a corpus is embedded, as "96.5 % of 2,000"."""
    with place.catalog() as catalog:
        videos = coverage(catalog, place.store, corpus)["stages"]["embed"]["videos"]
    share = videos["done"] / videos["total"] if videos["total"] else 0.0
    return f"{share:.1%} of {videos['total']:,}"


def publish(kind: str, corpus: str, summary: dict[str, Any]) -> None:
    """The summary as a markdown artifact of the flow run, where there is one."""
    if FlowRunContext.get() is None:
        return
    lines = [f"| {key.replace('_', ' ')} | {_shown(value)} |" for key, value in summary.items()]
    table = "\n".join(["| what | figure |", "|---|---|", *lines])
    about = f"figures of {kind} on {corpus}"
    create_markdown_artifact(table, key=key_of(kind, corpus), description=about)


def publish_table(
    kind: str, corpus: str, rows: list[dict[str, Any]], about: str | None = None
) -> None:
    """Rows as a table artifact of the flow run, where there is one."""
    if FlowRunContext.get() is not None:
        said = f"{about or kind} on {corpus}"
        create_table_artifact(rows, key=key_of(f"{kind}-table", corpus), description=said)


def publish_failures(place: Workplace, stage: Stage) -> None:
    """What failed in a stage as a table artifact: each reason, how many, and some of them."""
    if FlowRunContext.get() is None:
        return
    with place.catalog() as catalog:
        values = {"corpus": stage.corpus, "stage": stage.kind, "print": stage.fingerprint}
        rows = catalog.rows(sql("failed_by_reason"), **values)
    if rows:
        failed = sum(row["videos"] for row in rows)
        about = f"{failed:,} videos failed in {stage.kind}"
        publish_table(f"{stage.kind}-failures", stage.corpus, rows, about)


def tell_of_failures(place: Workplace, tally: Tally) -> None:
    """Prefect's event `reelflow.many-failures`, where a larger share failed than is usual."""
    failed = sum(tally.failed.values())
    if FlowRunContext.get() is None or failed <= place.settings.failed_share * tally.tried:
        return
    emit_event(
        "reelflow.many-failures",
        {"prefect.resource.id": f"reelflow.corpus.{tally.stage.corpus}"},
        payload={"stage": tally.stage.kind, "failed": failed, "tried": tally.tried,
                 "share": failed / tally.tried, "reasons": dict(tally.failed)},
    )  # fmt: skip


def key_of(kind: str, corpus: str) -> str:
    """An artifact's key: lower case letters, digits and dashes."""
    return f"{kind}-{corpus}".lower().replace("_", "-").replace(".", "-")


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_shown(inner)}" for key, inner in value.items()) or "none"
    if isinstance(value, Path):
        return f"[{value.name}]({value.as_uri()})"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
