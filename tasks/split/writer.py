"""The split stage: videos to shots, one table a shard."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import pyarrow as pa

from data.outcome import Done, Outcome
from data.records import Video
from data.shards.lists import Shard
from data.shards.receipts import VideoRow, done_row, failed_row
from data.shards.stages import Stage
from data.specs.split import SplitSpec
from data.store import layout, tables
from data.store.storage import Store
from data.workspace import Workspace
from engines.base import Runner, load_plugin
from engines.split.engine import Shots, ShotSplitter
from tasks.retry import decoder_version
from tasks.stage_run import ShardWriter, StageRun
from tasks.workers import build_evaluate_setup, count_workers

BATCH = 4  # videos that a worker gets at once: hours of pictures
SHOTS = pa.schema(
    {
        "video_id": pa.string(),
        "content": pa.string(),
        "shot": pa.int64(),
        "start_sec": pa.float64(),
        "end_sec": pa.float64(),
    }
)


class SplitWriter(ShardWriter[Video, Shots, VideoRow]):
    """Collects a shard's shots and writes them as one table, in the order of its list."""

    def __init__(self, store: Store, name: str, order: Mapping[str, int], decoder: str) -> None:
        super().__init__()
        self._store, self._name, self._order, self._decoder = store, name, order, decoder
        self._rows: list[dict[str, Any]] = []

    def write(self, item: Video, outcome: Outcome[Shots]) -> VideoRow:
        if not isinstance(outcome, Done):
            return failed_row(outcome, item.content, self._decoder)
        shots = outcome.value
        self._rows += [
            {"video_id": item.id, "content": item.content, "shot": number, "start_sec": start,
             "end_sec": end}
            for number, (start, end) in enumerate(shots.spans)
        ]  # fmt: skip
        spent = {"read": shots.read_s, "decode": shots.decode_s, "model": shots.model_s}
        self.seconds.update(spent)  # type: ignore[arg-type]
        return done_row(item.id, item.content, shots.frames)

    def finish(self) -> None:
        # Sorted, so that any number of workers writes the same file.
        rows = sorted(self._rows, key=lambda row: (self._order[row["video_id"]], row["shot"]))
        tables.write_rows(self._store, self._name, SHOTS, rows)


class SplitRun(StageRun[Video, Shots, VideoRow]):
    """Workers that find the shots of a corpus's videos."""

    stage = "split"

    def __init__(self, workspace: Workspace, of: Stage, spec: SplitSpec, runner: Runner) -> None:
        setup = build_evaluate_setup(workspace.settings)
        super().__init__(
            workspace.store, of.folder, load_plugin("split.methods", spec.method).VERSION,
            partial(ShotSplitter, spec, setup), runner, BATCH,
        )  # fmt: skip
        self.workers, self.decoders = count_workers(workspace.settings), setup.decoders
        self._decoder = decoder_version()

    def read_item(self, payload: dict[str, Any]) -> Video:
        return Video(**payload)

    def open_writer(self, shard: Shard[Video]) -> SplitWriter:
        name = layout.shard_file(self.folder, shard.id)
        order = {item.id: number for number, item in enumerate(shard.items)}
        return SplitWriter(self.store, name, order, self._decoder)

    def count_hours(self, item: Video, outcome: Outcome[Shots]) -> float:
        return (item.duration or 0) / 3600
