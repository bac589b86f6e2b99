"""The demo's corpus, whether it is up to date, and how well retrieval finds clips in it."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from data.catalog.coverage import compute_coverage
from data.catalog.history import History, read_history
from data.records import Hit, Prompt
from data.shards.stages import current_stage, published_version
from data.specs.pipeline import EmbedSpec, IndexSpec, PoolSpec, RetrieveSpec
from data.store import layout
from data.workspace import Workspace
from engines.report.html import link_uri
from engines.report.retrieval import Clip, PromptHits
from engines.tiny import corpus as shapes
from tasks.demo.generated import DemoGeneration
from tasks.report.retrieval import describe_retrieval
from tasks.retrieve.retriever import Retriever
from tasks.stages import register_embed, register_index, register_pool
from tasks.workers import count_cores

CORPUS = "moving-shapes"
SEED = 0  # of the corpus; `find_differences` knows from it what each clip shows
SPEC = RetrieveSpec(k=5)  # the other fields keep their defaults, near copies count as one


@dataclass(slots=True)
class Demo:
    """The demo's results: `seconds` of this run by part; `embedded` sums up all runs.

    `short` counts the hits that are missing because a prompt retrieved fewer than k.
    """

    prompts: list[PromptHits]
    short: int
    embedded: History
    recall: Mapping[str, float]
    about: Mapping[str, str]
    generated: DemoGeneration | None = None
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def precision(self) -> float:
        """Share of the k places of all prompts that hold a clip with every requested attribute."""
        return sum(p.correct for p in self.prompts) / max(sum(p.k for p in self.prompts), 1)

    def summary(self) -> dict[str, Any]:
        """Returns the content of `summary.json`."""
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
def time_part(seconds: dict[str, float], part: str) -> Iterator[None]:
    """Records in `seconds` how long the block took, also if it raises."""
    started = time.perf_counter()
    try:
        yield
    finally:
        seconds[part] = time.perf_counter() - started


def make_corpus(folder: Path, videos: int) -> Path:
    """Makes the missing clips of the moving-shapes corpus and returns the path of its table."""
    return shapes.write_corpus(folder, videos, SEED, count_cores())


def is_complete(workspace: Workspace, table: Path, spec: EmbedSpec) -> bool:
    """Whether every row of the table is in the published index that this spec leads to."""
    if not workspace.store.list_names(layout.videos_folder(CORPUS)):
        return False
    # Registering makes these the current stages, whose coverage is counted below.
    register_embed(workspace, CORPUS, spec)
    register_pool(workspace, CORPUS, PoolSpec())
    register_index(workspace, CORPUS, IndexSpec())
    with workspace.open_catalog() as catalog:
        counts = compute_coverage(catalog, workspace.store, CORPUS)["stages"]["index"]["videos"]
    # A table written since may hold other videos under the same ids.
    return counts["done"] == counts["total"] and _last_ingest(workspace) > table.stat().st_mtime


def measure_retrieval(workspace: Workspace, prompts: int, page: Path) -> Demo:
    """Searches the published index for held-out prompts and collects the figures of building it."""
    held_out = shapes.held_out_prompts(prompts)
    retriever = Retriever(workspace, CORPUS)
    queries = [Prompt(f"{n:03d}", text) for n, (text, _) in enumerate(held_out)]
    hits = retriever.search_prompts(queries, SPEC)
    results = [_build_hits(n, text, wanted, hits, page)
               for n, (text, wanted) in enumerate(held_out)]  # fmt: skip
    embed, index = current_stage(workspace.store, CORPUS, "embed"), retriever.stage
    assert embed is not None  # there is an index over it
    with workspace.open_catalog() as catalog:
        history = read_history(catalog, embed)
    record = f"{index.folder}/{published_version(workspace.store, index)}/index.json"
    # Measured when the index was built, against exact search; not again here.
    recall = json.loads(workspace.store.read(record))["recall_at_10"]
    short = sum(retriever.shortages.values())
    return Demo(results, short, history, recall, describe_retrieval(workspace, CORPUS, SPEC))


def find_differences(video_id: str, wanted: Mapping[str, str]) -> tuple[str, ...]:
    """Names the requested attributes that the clip does not show.

    The ground truth needs no annotation: the generator knows what it drew under each number.
    """
    row = shapes.build_row(SEED, int(video_id.rsplit("-", 1)[-1]))
    return tuple(name for name, value in wanted.items() if row[name] != value)


def _build_hits(
    n: int, text: str, wanted: dict[str, str], hits: list[Hit], page: Path
) -> PromptHits:
    own = [hit for hit in hits if hit.prompt_id == f"{n:03d}"]
    clips = [Clip(h, link_uri(h.uri, page), find_differences(h.video_id, wanted)) for h in own]
    return PromptHits(text, clips, SPEC.k, wanted)


def _last_ingest(workspace: Workspace) -> float:
    """Returns when the last finished ingest ended, in seconds since the epoch; 0 if none did."""
    done = workspace.store.list_names(layout.ingests_folder(CORPUS), "-done.json")
    if not done:
        return 0.0
    finished = json.loads(workspace.store.read(done[-1]))["finished"]
    return datetime.fromisoformat(finished).astimezone(UTC).timestamp()
