"""The motion-features stage: clips to tokens of motion and appearance, one table a shard."""

from collections import deque
from collections.abc import Set
from dataclasses import fields
from functools import partial
from typing import Any

from data.outcome import Done, Failed, Outcome
from data.records import Video
from data.settings import Settings
from data.shards.lists import Shard
from data.shards.receipts import VideoRow, done_row, failed_row
from data.shards.stages import MOTION_FEATURES, Stage
from data.specs.motion import MotionFeaturesSpec
from data.store import layout
from data.store.motion_features import ClipFeatures, MotionFeatureWriter
from data.store.storage import Store
from data.workspace import Workspace
from engines.base import Runner
from engines.generate.motionrag.features import (
    VERSION,
    DescribedClip,
    DescribeSetup,
    MotionDescriber,
)
from tasks.retry import decoder_version
from tasks.stage_run import ShardWriter, StageRun
from tasks.withdrawn import read_withdrawn
from tasks.workers import build_annotate_setup, count_workers


class FeatureWriter(ShardWriter[Video, DescribedClip, VideoRow]):
    """Writes the features of a shard's clips in the order of its list, as soon as it is their turn.

    Only those that came before their turn are in memory: 0.1 MB each, 0.6 MB with patches.
    """

    def __init__(self, store: Store, folder: str, shard: Shard[Video], withdrawn: Set[str]) -> None:
        super().__init__()
        self._withdrawn, self._decoder = withdrawn, decoder_version()
        name = layout.shard_file(folder, shard.id)
        self._table = self.files.enter_context(MotionFeatureWriter(store, name))
        self._waiting, self._ready = deque(shard.items), dict[str, ClipFeatures | None]()

    def find_row(self, item: Video) -> VideoRow | None:
        if item.content in self._withdrawn:  # since it was listed
            outcome = Failed(item.id, "rejected", "withdrawn")
        elif not item.uri:
            outcome = Failed(item.id, "missing", "no location of a video")
        else:
            return None
        self._add_in_order(item, None)
        return failed_row(outcome, item.content)

    def write(self, item: Video, outcome: Outcome[DescribedClip]) -> VideoRow:
        if not isinstance(outcome, Done):
            self._add_in_order(item, None)
            return failed_row(outcome, item.content, self._decoder)
        described = outcome.value
        self.seconds.update({"decode": described.decode_s, "model": described.model_s})  # type: ignore[arg-type]
        self._add_in_order(item, described.features)
        return done_row(item.id, item.content, len(described.features.motion))

    def _add_in_order(self, item: Video, features: ClipFeatures | None) -> None:
        self._ready[item.id] = features
        # The same file after any retry, whichever clip was described first.
        while self._waiting and self._waiting[0].id in self._ready:
            first = self._waiting.popleft()
            if ready := self._ready.pop(first.id):
                self._table.add(first.id, first.content, ready)


class FeatureRun(StageRun[Video, DescribedClip, VideoRow]):
    """Workers that describe the motion of a corpus's clips."""

    stage = MOTION_FEATURES

    def __init__(
        self, workspace: Workspace, of: Stage, spec: MotionFeaturesSpec, runner: Runner
    ) -> None:
        setup = build_setup(workspace.settings)
        super().__init__(
            workspace.store, of.folder, VERSION, partial(MotionDescriber, spec, setup), runner,
            workspace.settings.batch,
        )  # fmt: skip
        self.workers, self.decoders = count_workers(workspace.settings), setup.decoders
        self._withdrawn = read_withdrawn(workspace, of.corpus)

    def read_item(self, payload: dict[str, Any]) -> Video:
        return Video(**payload)

    def open_writer(self, shard: Shard[Video]) -> FeatureWriter:
        return FeatureWriter(self.store, self.folder, shard, self._withdrawn)

    def count_hours(self, item: Video, outcome: Outcome[DescribedClip]) -> float:
        return (item.duration or 0) / 3600


def build_setup(settings: Settings) -> DescribeSetup:
    """The set-up of each describing worker: one decoder reads ahead of the models."""
    # The same needs as an annotating worker's, whose frames are decoded for one model as well.
    annotate = build_annotate_setup(settings)
    names = [each.name for each in fields(DescribeSetup)]
    return DescribeSetup(**{name: getattr(annotate, name) for name in names})
