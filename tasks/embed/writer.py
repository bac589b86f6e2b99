"""The embed stage: videos to frame vectors, one table a shard."""

import time
from functools import partial
from typing import Any

from data.outcome import Done, Outcome
from data.records import Video
from data.shards.lists import Shard
from data.shards.receipts import VideoRow, done_row, failed_row
from data.shards.stages import Stage
from data.specs.pipeline import EmbedSpec
from data.store import layout
from data.store.frame_vectors import FrameVectorWriter
from data.store.storage import Store
from data.workspace import Workspace
from engines.base import Runner, load_plugin
from engines.embed.engine import VideoEmbedder
from engines.embed.frame_packer import FrameVectors
from tasks.retry import decoder_version
from tasks.stage_run import ShardWriter, StageRun
from tasks.workers import build_embed_setup, count_workers


class EmbedWriter(ShardWriter[Video, FrameVectors, VideoRow]):
    """Appends each video's vectors to the shard's table as they come."""

    def __init__(self, store: Store, name: str, decoder: str) -> None:
        super().__init__()
        self._decoder = decoder
        self._table = self.files.enter_context(FrameVectorWriter(store, name))

    def write(self, item: Video, outcome: Outcome[FrameVectors]) -> VideoRow:
        if not isinstance(outcome, Done):
            return failed_row(outcome, item.content, self._decoder)
        vectors = outcome.value
        self._table.add(item.id, vectors.frame, vectors.seconds, vectors.vector)
        spent = {"read": vectors.read_s, "decode": vectors.decode_s, "model": vectors.model_s}
        self.seconds.update(spent)  # type: ignore[arg-type]
        return done_row(item.id, item.content, len(vectors.frame))


class EmbedRun(StageRun[Video, FrameVectors, VideoRow]):
    """Workers that embed a corpus under a spec; `held_since` is when they were started."""

    stage = "embed"

    def __init__(self, workspace: Workspace, stage: Stage, spec: EmbedSpec, runner: Runner) -> None:
        self.workspace, self.of = workspace, stage
        setup = build_embed_setup(workspace.settings)
        super().__init__(
            workspace.store, stage.folder, load_plugin("embed.models", spec.engine).VERSION,
            partial(VideoEmbedder, spec, setup), runner, workspace.settings.batch,
        )  # fmt: skip
        self.workers, self.decoders = count_workers(workspace.settings), setup.decoders
        self.held_since, self._decoder = time.monotonic(), decoder_version()

    def read_item(self, payload: dict[str, Any]) -> Video:
        return Video(**payload)

    def open_writer(self, shard: Shard[Video]) -> EmbedWriter:
        return EmbedWriter(self.store, layout.shard_file(self.folder, shard.id), self._decoder)

    def count_hours(self, item: Video, outcome: Outcome[FrameVectors]) -> float:
        return (item.duration or 0) / 3600
