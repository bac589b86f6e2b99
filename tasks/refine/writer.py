"""The refine stage: writes both files of each pass, and its row beside them."""

import json
from functools import partial
from hashlib import sha256
from typing import Any

from data.outcome import Done, Outcome
from data.runs.refined_table import REFINED
from data.runs.refinements import VERSION, PlannedPass, Refinement, media_path, read_pass
from data.shards.lists import Shard
from data.shards.receipts import DETAIL
from data.store.storage import Store
from data.workspace import Workspace
from engines.base import Runner
from engines.refine.engine import VideoRefiner
from engines.refine.result import RefinedVideo
from tasks.stage_run import ShardWriter, StageRun
from tasks.workers import build_evaluate_setup, count_refine_workers

RefinedRow = dict[str, Any]  # as `REFINED`


class RefineWriter(ShardWriter[PlannedPass, RefinedVideo, RefinedRow]):
    """Writes the files of each pass, then the row that marks them as whole."""

    def __init__(self, store: Store, folder: str) -> None:
        super().__init__()
        self._store, self._folder = store, folder

    def find_row(self, item: PlannedPass) -> RefinedRow | None:
        """The row of a pass that an attempt cut short has finished."""
        name = self._place(item.id, "json")
        if not self._store.exists(name):
            return None
        row = json.loads(self._store.read(name))
        return row if row["content"] == item.target.content else None

    def write(self, item: PlannedPass, outcome: Outcome[RefinedVideo]) -> RefinedRow:
        if not isinstance(outcome, Done):
            return build_row(item, reason=outcome.reason, detail=outcome.detail[:DETAIL])
        video = outcome.value
        self.seconds.update({"model": video.seconds})  # type: ignore[dict-item]
        files = {"file": ("mkv", video.lossless), "view": ("mp4", video.view)}
        for ending, content in files.values():
            self._store.write(self._place(item.id, ending), content)
        row = build_row(
            item, file=media_path(item.id, "mkv"), sha256=sha256(video.lossless).hexdigest(),
            view=media_path(item.id, "mp4"), view_sha256=sha256(video.view).hexdigest(),
            frames=video.frames, fps=video.fps, width=video.width, height=video.height,
            stopped=video.stopped, seconds=video.seconds, **video.figures,
        )  # fmt: skip
        self._store.write(self._place(item.id, "json"), json.dumps(row).encode())
        return row

    def _place(self, id: str, ending: str) -> str:
        return f"{self._folder}/{media_path(id, ending)}"


class RefineRun(StageRun[PlannedPass, RefinedVideo, RefinedRow]):
    """Workers that refine the videos of a refinement."""

    stage = "refine"

    def __init__(
        self, workspace: Workspace, refinement: Refinement, runner: Runner, shards: list[str]
    ) -> None:
        settings, spec = workspace.settings, refinement.spec
        make = partial(VideoRefiner, spec, build_evaluate_setup(settings))
        # The passes of one video are a batch: it is decoded once, and goes from pass to pass.
        batch = len(refinement.numbers)
        super().__init__(workspace.store, refinement.folder, VERSION, make, runner, batch)
        self.workers = count_refine_workers(settings, spec)
        self.progress.total = self.count_items(shards)

    def read_item(self, payload: dict[str, Any]) -> PlannedPass:
        return read_pass(payload)

    def open_writer(self, shard: Shard[PlannedPass]) -> RefineWriter:
        return RefineWriter(self.store, self.folder)


def build_row(item: PlannedPass, **fields: Any) -> RefinedRow:
    """The row of a pass, empty but for what is known of its video and for `fields`."""
    target = item.target
    return dict.fromkeys(REFINED.names) | {
        "id": item.id, "target": target.id, "clip": target.clip, "number": item.number,
        "prompt": target.asked.get("prompt"), "content": target.content,
    } | fields  # fmt: skip
