"""The features of clips for a distance: missing ones are planned, and extracted shard by shard."""

import json
from collections.abc import Iterable
from functools import cached_property, partial
from typing import Any

import numpy as np
import pyarrow as pa

from data.outcome import Done, Outcome
from data.runs.distances import TRANSIENT, Clip, features_schema, read_answers, read_clip
from data.shards.lists import Shard, add_shards, list_pending
from data.shards.receipts import VideoRow, done_row, failed_row
from data.specs.distance import ClipSpec
from data.specs.pipeline import fingerprint
from data.store import layout, tables
from data.workspace import Workspace
from engines.base import Runner, load_plugin
from engines.evaluate.distance.engine import FeatureExtractor
from tasks.plan import select_missing
from tasks.service.runner import open_runner
from tasks.shard import run_shards
from tasks.stage_run import ShardWriter, StageRun
from tasks.workers import build_embed_setup, count_workers


class Features:
    """Features of one extractor and spec: their version, fingerprint and folder in the store."""

    def __init__(self, workspace: Workspace, spec: ClipSpec) -> None:
        self.workspace, self.spec = workspace, spec
        self.version: str = load_plugin("evaluate.distance.extractors", spec.extractor).VERSION

    @cached_property
    def fingerprint(self) -> str:
        """12 hex digits; the spec holds the digest of the weights."""
        return fingerprint(self.spec, self.version)

    @property
    def folder(self) -> str:
        return layout.features_folder(self.fingerprint)


class FeatureWriter(ShardWriter[Clip, np.ndarray, VideoRow]):
    """Collects a shard's features and writes them as one table."""

    def __init__(self, features: Features, shard: str) -> None:
        super().__init__()
        self._store, self._frames = features.workspace.store, features.spec.frames
        self._name = layout.shard_file(features.folder, shard)
        self._vectors: dict[str, np.ndarray] = {}

    def write(self, item: Clip, outcome: Outcome[np.ndarray]) -> VideoRow:
        if not isinstance(outcome, Done):
            return failed_row(outcome, item.content)
        self._vectors[item.id] = np.atleast_2d(outcome.value)
        return done_row(item.id, item.content, self._frames)

    def finish(self) -> None:
        if not self._vectors:
            return  # without a vector the width of the table is unknown
        rows = np.concatenate(list(self._vectors.values()))
        dim, flat = rows.shape[1], pa.array(rows.reshape(-1))
        ids = [id for id, own in self._vectors.items() for _ in own]
        columns = [pa.array(ids), pa.FixedSizeListArray.from_arrays(flat, dim)]
        schema = features_schema(dim)
        with tables.open_writer(self._store, self._name, schema) as writer:
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))


class FeatureRun(StageRun[Clip, np.ndarray, VideoRow]):
    """Workers that extract features."""

    stage = "features"

    def __init__(self, features: Features, runner: Runner) -> None:
        self.features, settings = features, features.workspace.settings
        setup = build_embed_setup(settings)
        super().__init__(
            features.workspace.store, features.folder, features.version,
            partial(FeatureExtractor, features.spec, setup), runner, settings.batch,
        )  # fmt: skip
        self.workers, self.decoders = count_workers(settings), setup.decoders

    def read_item(self, payload: dict[str, Any]) -> Clip:
        return read_clip(payload)

    def open_writer(self, shard: Shard[Clip]) -> FeatureWriter:
        return FeatureWriter(self.features, shard.id)


def make_features(features: Features, clips: Iterable[Clip]) -> None:
    """Extracts the features of all clips that have none yet; the others stay as they are."""
    settings = features.workspace.settings
    if shards := plan_features(features, clips):
        with open_runner(settings, count_workers(settings)) as runner:
            run = FeatureRun(features, runner)
            run.progress.total = run.count_items(shards)
            run_shards(run, shards)


def plan_features(features: Features, clips: Iterable[Clip]) -> list[str]:
    """Lists every clip without a feature in shards; the shards to run.

    A failed clip is tried again only where its reason is transient: a missing file, a killed
    decoder.
    """
    store, folder = features.workspace.store, features.folder
    if not store.exists(layout.spec_file(folder)):
        record = {"spec": features.spec.model_dump(), "version": features.version}
        store.write(layout.spec_file(folder), json.dumps(record, indent=2).encode())
    answers = read_answers(store, folder)
    final = {id for id, fault in answers.items() if not (fault and fault.reason in TRANSIENT)}
    # Copies of a video have one id, since that is made of bytes: they share one feature.
    wanted = {clip.id: clip for clip in clips}.values()
    missing = select_missing(store, folder, wanted, final, read_clip)
    add_shards(store, folder, missing, features.workspace.settings.shard_size)
    return list_pending(store, folder)
