"""Features of clips: planned where they are missing, made a shard at a time."""

import json
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property, partial

import numpy as np
import pyarrow as pa

from data.batches import batched
from data.outcome import Done, Outcome
from data.runs.distances import (
    TRANSIENT,
    Clip,
    Portion,
    features,
    read_portion,
    settled,
    write_portion,
)
from data.shards.lists import names, pending, shard_name
from data.shards.receipts import Made, Receipt, Refused, Seconds, write_receipt
from data.specs.distance import ClipSpec
from data.specs.pipeline import fingerprint
from data.store import layout, tables
from data.workspace import Workspace
from engines.base import Engine, Runner, plugin
from engines.evaluate.distance.engine import FeatureMaker
from tasks.progress import Progress
from tasks.retry import shard_task
from tasks.workers import embed_work, embed_workers

log = logging.getLogger(__name__)


class Features:
    """Features made in one way: where they lie, and with which engine."""

    def __init__(self, workspace: Workspace, spec: ClipSpec) -> None:
        self.workspace, self.spec = workspace, spec
        self.work = embed_work(workspace.settings)
        self.make: Callable[[], Engine] = partial(FeatureMaker, spec, self.work)
        self.version: str = plugin("evaluate.distance.extractors", spec.extractor).VERSION
        self.progress = Progress("features", 0)

    @cached_property
    def fingerprint(self) -> str:
        """12 hex digits; the weights are in them by their digest."""
        return fingerprint(self.spec, self.version)

    @property
    def folder(self) -> str:
        return layout.features(self.fingerprint)


def plan_features(run: Features, clips: Iterable[Clip]) -> list[str]:
    """Writes lists of the clips that have no feature yet; the shards to be done.

    What failed is not tried again, unless another run may have more luck: a file that was not
    there, a decoder that was ended.
    """
    store, folder = run.workspace.store, run.folder
    if not store.exists(layout.spec(folder)):
        said = {"spec": run.spec.model_dump(), "version": run.version}
        store.write(layout.spec(folder), json.dumps(said, indent=2).encode())
    known = {id for id, fault in settled(store, folder).items() if not _again(fault)}
    for shard in pending(store, folder):
        known |= {clip.id for clip in read_portion(store, folder, shard).clips}
    missing = {clip.id: clip for clip in clips if clip.id not in known}
    number = len(names(store, folder, "shards"))
    for some in batched(missing.values(), run.workspace.settings.shard_size):
        write_portion(store, folder, Portion(shard_name(number), 1, tuple(some)))
        number += 1
    shards = pending(store, folder)
    run.progress.total = sum(len(read_portion(store, folder, each).clips) for each in shards)
    return shards


def _again(fault: object) -> bool:
    return getattr(fault, "reason", None) in TRANSIENT


@shard_task("features")
def features_shard_task(run: Features, runner: Runner, shard: str) -> Receipt:
    """Prefect's skin over `features_shard`."""
    return features_shard(run, runner, shard)


def features_shard(run: Features, runner: Runner, shard: str) -> Receipt:
    """Makes a shard's features, writes them, then the receipt: in that order."""
    started = time.perf_counter()
    store, folder = run.workspace.store, run.folder
    portion = read_portion(store, folder, shard)
    clips = {clip.id: clip for clip in portion.clips}
    done, failed = list[Made](), list[Refused]()
    outcomes = runner.map(run.make, portion.clips, run.workspace.settings.batch)
    rows = dict(_kept(outcomes, clips, run, done, failed))
    if rows:
        dim = len(next(iter(rows.values())))
        schema = features(dim)
        with tables.create(store, layout.shard_file(folder, shard), schema) as writer:
            flat = pa.array(np.concatenate(list(rows.values())))
            columns = [pa.array(rows), pa.FixedSizeListArray.from_arrays(flat, dim)]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))
    spent = Seconds(wall=time.perf_counter() - started)
    receipt = Receipt(
        shard, portion.attempt, run.version, tuple(done), tuple(failed), spent,
        embed_workers(run.workspace.settings), run.work.decoders,
    )  # fmt: skip
    write_receipt(store, folder, receipt)
    log.info(
        "shard %s: %d features, %d failed in %.1f s", shard, len(done), len(failed), spent.wall
    )
    return receipt


def _kept(
    outcomes: Iterable[Outcome[np.ndarray]],
    clips: dict[str, Clip],
    run: Features,
    done: list[Made],
    failed: list[Refused],
) -> Iterator[tuple[str, np.ndarray]]:
    """Enters each outcome, and gives on the features of those that went through."""
    for outcome in outcomes:
        content = clips[outcome.id].content
        if isinstance(outcome, Done):
            done.append(Made(outcome.id, content, run.spec.frames))
            yield outcome.id, outcome.value
            run.progress.add(done=1)
        else:
            failed.append(Refused.of(outcome, content))
            run.progress.add(failed=1)
