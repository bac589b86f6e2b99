"""The embed stage: videos to frame vectors, one table a shard."""

import time
from collections.abc import Set
from functools import partial
from typing import Any

from data.outcome import Done, Failed, Outcome
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
from tasks.host_tally import HostTally
from tasks.retry import decoder_version
from tasks.stage_run import ShardWriter, StageRun
from tasks.withdrawn import read_withdrawn
from tasks.workers import build_embed_setup, count_workers


class EmbedWriter(ShardWriter[Video, FrameVectors, VideoRow]):
    """Appends each video's vectors to the shard's table as they come."""

    def __init__(
        self, store: Store, name: str, decoder: str, withdrawn: Set[str], hosts: HostTally
    ) -> None:
        super().__init__()
        self._decoder, self._withdrawn, self._hosts = decoder, withdrawn, hosts
        self._table = self.files.enter_context(FrameVectorWriter(store, name))

    def find_row(self, item: Video) -> VideoRow | None:
        if item.content in self._withdrawn:  # since it was listed
            outcome = Failed(item.id, "rejected", "withdrawn")
        elif not item.uri:  # an imported video, known by its vectors alone
            outcome = Failed(item.id, "missing", "no location of a video")
        else:
            return None
        return failed_row(outcome, item.content)

    def write(self, item: Video, outcome: Outcome[FrameVectors]) -> VideoRow:
        self._hosts.add_outcome(item.uri, outcome)
        if not isinstance(outcome, Done):
            return failed_row(outcome, item.content, self._decoder)
        vectors = outcome.value
        self._table.add(item.id, vectors.frame, vectors.seconds, vectors.vector)
        spent = {"read": vectors.read_s, "decode": vectors.decode_s, "model": vectors.model_s}
        self.seconds.update(spent)  # type: ignore[arg-type]
        return done_row(item.id, item.content, len(vectors.frame), vectors.damaged)


class EmbedRun(StageRun[Video, FrameVectors, VideoRow]):
    """Workers that embed a corpus under a spec."""

    stage = "embed"

    def __init__(self, workspace: Workspace, stage: Stage, spec: EmbedSpec, runner: Runner) -> None:
        self.workspace, self.of = workspace, stage
        setup = build_embed_setup(workspace.settings)
        super().__init__(
            workspace.store, stage.folder, load_plugin("embed.models", spec.engine).VERSION,
            partial(VideoEmbedder, spec, setup), runner, workspace.settings.batch,
        )  # fmt: skip
        self.workers, self.decoders = count_workers(workspace.settings), setup.decoders
        self.hosts = HostTally()
        self._counted, self._decoder = time.monotonic(), decoder_version()
        self.merged_at = time.monotonic()
        self._withdrawn = read_withdrawn(workspace, stage.corpus)

    def take_held_s(self) -> float:
        """Seconds for which workers were held since the last call, with the loading of models."""
        until = time.monotonic() - self.runner.waited_s
        held_s, self._counted = until - self._counted, until
        return held_s

    def read_item(self, payload: dict[str, Any]) -> Video:
        return Video(**payload)

    def open_writer(self, shard: Shard[Video]) -> EmbedWriter:
        name = layout.shard_file(self.folder, shard.id)
        return EmbedWriter(self.store, name, self._decoder, self._withdrawn, self.hosts)

    def count_hours(self, item: Video, outcome: Outcome[FrameVectors]) -> float:
        return (item.duration or 0) / 3600
