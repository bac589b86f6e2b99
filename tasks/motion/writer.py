"""The motion-features stage: clips to tokens of motion and appearance, one table a shard."""

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
from data.store.motion_features import MotionFeatureWriter
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
    """Writes the features of a shard's clips in the order of its list, whichever comes first."""

    def __init__(self, store: Store, folder: str, shard: Shard[Video], withdrawn: Set[str]) -> None:
        super().__init__()
        self._store, self._name = store, layout.shard_file(folder, shard.id)
        self._items, self._withdrawn, self._decoder = shard.items, withdrawn, decoder_version()
        self._described: dict[str, DescribedClip] = {}  # 0.1 MB a clip

    def find_row(self, item: Video) -> VideoRow | None:
        if item.content in self._withdrawn:  # since it was listed
            return failed_row(Failed(item.id, "rejected", "withdrawn"), item.content)
        if not item.uri:
            outcome = Failed(item.id, "missing", "no location of a video")
            return failed_row(outcome, item.content)
        return None

    def write(self, item: Video, outcome: Outcome[DescribedClip]) -> VideoRow:
        if not isinstance(outcome, Done):
            return failed_row(outcome, item.content, self._decoder)
        described = outcome.value
        self.seconds.update({"decode": described.decode_s, "model": described.model_s})  # type: ignore[arg-type]
        self._described[item.id] = described
        return done_row(item.id, item.content, len(described.features.motion))

    def finish(self) -> None:
        with MotionFeatureWriter(self._store, self._name) as table:
            for item in self._items:
                if item.id in self._described:
                    table.add(item.id, item.content, self._described[item.id].features)


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
