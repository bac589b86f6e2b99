"""The dedup stage: contents and their candidates to pairs of near-duplicates, one table a shard."""

from dataclasses import replace
from functools import partial
from typing import Any, TypedDict

from data.outcome import Done, Outcome
from data.settings import Settings
from data.shards.lists import Shard
from data.shards.stages import Stage
from data.specs.dedup import DedupSpec
from data.store import layout, pairs, tables
from data.store.storage import Store
from data.workspace import Workspace
from engines.base import Runner
from engines.dedup.comparison import Comparison, Pair
from engines.dedup.engine import VERSION, CopyFinder
from engines.dedup.frames import Place
from tasks.dedup.places import read_comparison
from tasks.signed_links import restore_links
from tasks.stage_run import ShardWriter, StageRun
from tasks.workers import build_evaluate_setup, count_workers

BATCH = 512  # contents that a worker gets at once


class CopiesRow(TypedDict):
    """A content in a receipt: how many pairs were found from it, or why it was not compared."""

    id: str
    content: str
    pairs: int
    reason: str | None
    detail: str | None


class PairWriter(ShardWriter[Comparison, list[Pair], CopiesRow]):
    """Gathers a shard's pairs, which are few, and writes them at its end."""

    def __init__(self, store: Store, name: str) -> None:
        super().__init__()
        self._store, self._name = store, name
        self._pairs: list[Pair] = []

    def write(self, item: Comparison, outcome: Outcome[list[Pair]]) -> CopiesRow:
        if not isinstance(outcome, Done):
            return CopiesRow(id=item.id, content=item.id, pairs=0, reason=outcome.reason,
                             detail=outcome.detail)  # fmt: skip
        self._pairs += outcome.value
        return CopiesRow(
            id=item.id, content=item.id, pairs=len(outcome.value), reason=None, detail=None
        )

    def finish(self) -> None:
        # Sorted, so that any number of workers writes the same file.
        if self._pairs:
            ordered = sorted(self._pairs, key=lambda pair: (pair.one, pair.other))
            tables.write_rows(self._store, self._name, pairs.PAIRS, list(map(_to_row, ordered)))


class DedupRun(StageRun[Comparison, list[Pair], CopiesRow]):
    """Workers that compare contents with their candidates."""

    stage = "dedup"

    def __init__(
        self, workspace: Workspace, stage: Stage, embed: Stage, spec: DedupSpec, runner: Runner
    ) -> None:
        settings = without_gpus(workspace.settings)
        setup = build_evaluate_setup(settings)
        make = partial(CopyFinder, workspace.store, embed.folder, spec, setup)
        super().__init__(workspace.store, stage.folder, VERSION, make, runner, BATCH)
        self.workers = count_workers(settings)

    def read_item(self, payload: dict[str, Any]) -> Comparison:
        return read_comparison(payload)

    def to_input(self, item: Comparison) -> Comparison:
        candidates = (replace(each, place=_restore_link(each.place)) for each in item.candidates)
        return Comparison(item.content, _restore_link(item.place), tuple(candidates))

    def open_writer(self, shard: Shard[Comparison]) -> PairWriter:
        return PairWriter(self.store, layout.shard_file(self.folder, shard.id))


def _restore_link(place: Place | None) -> Place | None:
    if place is None or place.video is None:
        return place
    return replace(place, video=restore_links(place.video))


def without_gpus(settings: Settings) -> Settings:
    """The settings for comparing vectors, which takes no GPU: one worker, unless told otherwise."""
    return settings.model_copy(update={"gpus": 0})


def _to_row(pair: Pair) -> dict[str, Any]:
    found = pair.alignment
    return {
        "one": pair.one, "other": pair.other, "similarity": pair.similarity,
        "score": found.score, "speed": found.speed, "one_from": found.first[0],
        "one_to": found.first[1], "other_from": found.second[0], "other_to": found.second[1],
        "pictures": pair.pictures,
    }  # fmt: skip
