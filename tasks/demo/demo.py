"""The demo's parts: its corpus, whether it is done, and how right the clips found are."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from data.catalog.coverage import coverage
from data.catalog.history import History, history
from data.records import Hit, Prompt
from data.shards.stages import current, version_of
from data.specs.pipeline import EmbedSpec, IndexSpec, PoolSpec, RetrieveSpec
from data.store import layout
from data.workspace import Workspace
from engines.report.html import source
from engines.tiny import corpus as shapes
from tasks.demo.generated import Generated
from tasks.report.retrieval import Answer, Clip, about
from tasks.retrieve.bank import Bank
from tasks.stages import embed_stage, index_stage, pool_stage
from tasks.workers import cores

CORPUS = "moving-shapes"
SEED = 0
SPEC = RetrieveSpec(k=5)  # otherwise as users get it: near copies count as one


@dataclass(slots=True)
class Demo:
    """What the demo found; `seconds` are of this run, by part, `embedded` is of all runs."""

    answers: list[Answer]
    short: int
    embedded: History
    recall: Mapping[str, float]
    about: Mapping[str, str]
    generated: Generated | None = None
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def precision(self) -> float:
        """Share of the places asked for that a clip with everything asked for has."""
        return sum(a.right for a in self.answers) / max(sum(a.wanted for a in self.answers), 1)

    def summary(self) -> dict[str, Any]:
        """What `summary.json` says."""
        return {
            "retrieval": {"attribute_precision_at_5": self.precision},
            "index": {"recall_at_10": min(self.recall.values())},
            "embed": {
                "frames_per_second": self.embedded.frames_per_second,
                "video_hours_per_day": self.embedded.video_hours_per_day,
            },
            "generate": self.generated.summary() if self.generated else {},
            "seconds": sum(self.seconds.values()),
        }


@contextmanager
def timed(seconds: dict[str, float], part: str) -> Iterator[None]:
    """Notes how long the block took."""
    started = time.perf_counter()
    try:
        yield
    finally:
        seconds[part] = time.perf_counter() - started


def make_corpus(folder: Path, videos: int) -> Path:
    """The moving-shapes corpus's table, after every clip of it that was missing is made."""
    return shapes.write(folder, videos, SEED, cores())


def complete(workspace: Workspace, table: Path, spec: EmbedSpec) -> bool:
    """Whether every row of the table is in the published index that this spec leads to."""
    if not workspace.store.names(layout.videos(CORPUS)):
        return False
    embed_stage(workspace, CORPUS, spec)
    pool_stage(workspace, CORPUS, PoolSpec())
    index_stage(workspace, CORPUS, IndexSpec())
    with workspace.catalog() as catalog:
        counts = coverage(catalog, workspace.store, CORPUS)["stages"]["index"]["videos"]
    return counts["done"] == counts["total"] and _ingested(workspace) > table.stat().st_mtime


def look(workspace: Workspace, prompts: int, page: Path) -> Demo:
    """What the published index finds for the held-out prompts, and the figures of making it."""
    asked = shapes.held_out_prompts(prompts)
    bank = Bank(workspace, CORPUS)
    hits = bank.by_text([Prompt(f"{n:03d}", text) for n, (text, _) in enumerate(asked)], SPEC)
    answers = [_answer(n, text, wanted, hits, page) for n, (text, wanted) in enumerate(asked)]
    embedded, index = current(workspace.store, CORPUS, "embed"), bank.stage
    assert embedded is not None
    with workspace.catalog() as catalog:
        made = history(catalog, embedded)
    built = f"{index.folder}/{version_of(workspace.store, index)}/index.json"
    recall = json.loads(workspace.store.read(built))["recall_at_10"]
    short = sum(bank.shortages.values())
    return Demo(answers, short, made, recall, about(workspace, CORPUS, SPEC))


def differences(video_id: str, wanted: Mapping[str, str]) -> tuple[str, ...]:
    """The attributes wanted that the clip does not show; the generator knows what it drew."""
    shown = shapes.row(SEED, int(video_id.rsplit("-", 1)[-1]))
    return tuple(name for name, value in wanted.items() if shown[name] != value)


def _answer(n: int, text: str, wanted: dict[str, str], hits: list[Hit], page: Path) -> Answer:
    own = [hit for hit in hits if hit.prompt_id == f"{n:03d}"]
    clips = [Clip(h, source(h.uri, page), differences(h.video_id, wanted)) for h in own]
    return Answer(text, clips, SPEC.k, wanted)


def _ingested(workspace: Workspace) -> float:
    """When the last ingest that ended did so."""
    done = workspace.store.names(layout.ingests(CORPUS), "-done.json")
    if not done:
        return 0.0
    finished = json.loads(workspace.store.read(done[-1]))["finished"]
    return datetime.fromisoformat(finished).astimezone(UTC).timestamp()
