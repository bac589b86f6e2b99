"""The static page of a retrieval: every prompt with the clips found for it, playing."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

import pyarrow.parquet as pq
from prefect import task
from prefect.cache_policies import NO_CACHE

from data.errors import UserError
from data.records import Hit
from data.shards.stages import current, recorded, version_of
from data.specs.pipeline import RetrieveSpec
from data.workspace import Workspace
from engines.report.html import Figure, render, source, write


@dataclass(frozen=True, slots=True)
class Clip:
    """A retrieved clip; `src` is what the page plays, `differs` what it shows that was not asked.

    `src` is None where a browser cannot reach the clip, `differs` where nobody can tell.
    """

    hit: Hit
    src: str | None
    differs: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A prompt, what it asks for where that is known, and its clips, best first."""

    prompt: str
    clips: list[Clip]
    wanted: int
    asked: Mapping[str, str] = field(default_factory=dict)

    @property
    def right(self) -> int:
        """How many of the clips show all that was asked for."""
        return sum(clip.differs == () for clip in self.clips)


@dataclass(frozen=True, slots=True)
class Page:
    """All that is shown; `shape` is the clips' frame, width by height."""

    title: str
    lead: str
    answers: list[Answer]
    about: Mapping[str, str]
    figures: list[Figure] = field(default_factory=list)
    shape: str = "16 / 9"

    @property
    def judged(self) -> bool:
        return any(answer.asked for answer in self.answers)

    @property
    def missed(self) -> int:
        """How many prompts have a clip that is not what they ask for."""
        return sum(answer.right < len(answer.clips) for answer in self.answers)


def write_page(page: Page, path: Path) -> None:
    """Writes the page; it is there whole or as it was before."""
    write(path, render("retrieval.html", page))


@task(name="retrieval-page", cache_policy=NO_CACHE, persist_result=False)
def write_retrieval_page(
    workspace: Workspace, corpus: str, hits: str, spec: RetrieveSpec, path: str
) -> str:
    """The page of a table of hits."""
    found = [Hit(**row) for row in pq.read_table(hits).to_pylist()]
    answers = answers_of(found, spec.k, Path(path))
    lead = f"The {spec.k} best clips of {corpus} for each of {len(answers):,} prompts."
    write_page(Page(corpus, lead, answers, about(workspace, corpus, spec)), Path(path))
    return path


def answers_of(hits: Iterable[Hit], k: int, page: Path) -> list[Answer]:
    """Hits, as they stand in their table, by prompt."""
    return [
        Answer(prompt, [Clip(hit, source(hit.uri, page)) for hit in some], k)
        for (_, prompt), some in groupby(hits, key=lambda hit: (hit.prompt_id, hit.prompt))
    ]


def about(workspace: Workspace, corpus: str, spec: RetrieveSpec) -> dict[str, str]:
    """What the answers were made with: enough to make them again."""
    store = workspace.store
    stages = {kind: current(store, corpus, kind) for kind in ("embed", "pool", "index")}
    embedded, index = stages["embed"], stages["index"]
    version = version_of(store, index)
    if embedded is None or index is None or version is None:
        raise UserError(f"{corpus} has no index yet: make it with `reelflow run {corpus}`")
    model = recorded(store, embedded)["spec"]
    built = json.loads(store.read(f"{index.folder}/{version}/index.json"))
    chosen = f"k {spec.k}, ceiling {spec.ceiling:g}, dedup {spec.dedup:g}"
    return {
        "corpus": f"{corpus}, {built['count']:,} videos",
        "model": f"{model['model']} {model['precision']}",
        "index": f"{built['key']} {version}",
        "retrieve": chosen + (f", where {spec.where}" if spec.where else ""),
        "fingerprints": ", ".join(
            f"{kind} {stage.fingerprint}" for kind, stage in stages.items() if stage
        ),
    }
