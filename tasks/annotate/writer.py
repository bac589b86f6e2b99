"""The annotate stage: videos to texts, one table a shard."""

from collections.abc import Set
from functools import partial
from typing import Any

from data.outcome import Done, Failed, Outcome
from data.records import Video
from data.shards.lists import Shard
from data.shards.receipts import VideoRow, done_row, failed_row
from data.shards.stages import Stage
from data.specs.annotate import AnnotateSpec
from data.store import layout, tables
from data.store.storage import Store
from data.store.texts import FOUND, TEXTS, Annotation, to_rows
from data.workspace import Workspace
from engines.annotate.engine import VideoAnnotator
from engines.base import Runner, load_plugin
from tasks.retry import decoder_version
from tasks.stage_run import ShardWriter, StageRun
from tasks.withdrawn import read_withdrawn
from tasks.workers import build_annotate_setup, count_workers


class AnnotateWriter(ShardWriter[Video, Annotation, VideoRow]):
    """Writes the texts of a shard's videos in the order of its list, whichever comes first."""

    def __init__(
        self, store: Store, folder: str, shard: Shard[Video], kind: str, withdrawn: Set[str]
    ) -> None:
        super().__init__()
        self._store, self._name = store, layout.shard_file(folder, shard.id)
        self._order = [item.id for item in shard.items]
        self._kind, self._withdrawn, self._decoder = kind, withdrawn, decoder_version()
        self._found: dict[str, Any] = {}  # a table a video: texts are small

    def find_row(self, item: Video) -> VideoRow | None:
        if item.content in self._withdrawn:  # since it was listed
            return failed_row(Failed(item.id, "rejected", "withdrawn"), item.content)
        if not item.uri:
            outcome = Failed(item.id, "missing", "no location of a video")
            return failed_row(outcome, item.content)
        return None

    def write(self, item: Video, outcome: Outcome[Annotation]) -> VideoRow:
        if not isinstance(outcome, Done):
            return failed_row(outcome, item.content, self._decoder)
        annotation = outcome.value
        self.seconds.update(annotation.seconds)  # type: ignore[arg-type]
        self._found[item.id] = to_rows(item.id, item.content, self._kind, annotation)
        row = done_row(item.id, item.content, len(annotation.texts))
        return row if annotation.result == FOUND else row | {"note": annotation.result}

    def finish(self) -> None:
        with tables.open_writer(self._store, self._name, TEXTS) as writer:
            for id in self._order:
                if id in self._found:
                    writer.write_table(self._found[id])


class AnnotateRun(StageRun[Video, Annotation, VideoRow]):
    """Workers that find one kind of text in a corpus."""

    stage = "annotate"

    def __init__(
        self, workspace: Workspace, stage: Stage, spec: AnnotateSpec, runner: Runner
    ) -> None:
        self.workspace, self.of, self.kind = workspace, stage, spec.kind
        setup = build_annotate_setup(workspace.settings)
        super().__init__(
            workspace.store, stage.folder, load_plugin("annotate.annotators", spec.kind).VERSION,
            partial(VideoAnnotator, spec, setup), runner, workspace.settings.batch,
        )  # fmt: skip
        self.stage = stage.kind
        self.workers, self.decoders = count_workers(workspace.settings), setup.decoders
        self._withdrawn = read_withdrawn(workspace, stage.corpus)

    def read_item(self, payload: dict[str, Any]) -> Video:
        return Video(**payload)

    def open_writer(self, shard: Shard[Video]) -> AnnotateWriter:
        return AnnotateWriter(self.store, self.folder, shard, self.kind, self._withdrawn)

    def count_hours(self, item: Video, outcome: Outcome[Annotation]) -> float:
        return (item.duration or 0) / 3600
