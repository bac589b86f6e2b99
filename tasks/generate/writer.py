"""The generate stage: makes a video file of each request, and writes its row beside it."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from hashlib import sha256
from typing import Any

from data.catalog.database import load_sql
from data.outcome import Done, Outcome
from data.records import Request
from data.runs.generations import PlannedRequest, Run, media_path, read_request
from data.shards.lists import Shard, read_shard
from data.shards.receipts import DETAIL
from data.shards.stages import MOTION_FEATURES, Stage
from data.specs.models import SHAPES
from data.specs.pipeline import EmbedSpec
from data.store import tables
from data.store.storage import Store
from data.workspace import Workspace
from engines.base import Engine, Runner
from engines.embed.stored_vectors import StoredVectors
from engines.generate.engine import VideoGenerator
from engines.generate.result import GeneratedVideo, SkippedClip
from tasks.motion.stage import locate_features
from tasks.stage_run import ShardWriter, StageRun
from tasks.stages import require_same_weights
from tasks.withdrawn import WithdrawalWatch
from tasks.workers import build_generate_setup, count_workers

GeneratedRow = dict[str, Any]  # as `tables.GENERATIONS`, without what is the same for a whole run
OF_THE_RUN = ("run", "engine", "spec", "model_digest", "controller_digest", "corpus")


class WithdrawnMeanwhile(Exception):
    """A clip was withdrawn while it conditioned a video; the shard's retry goes without it."""


class GenerateWriter(ShardWriter[PlannedRequest, GeneratedVideo, GeneratedRow]):
    """Writes each video's file, then its row beside it, which marks the file as whole.

    Nothing is written of a clip that is withdrawn by then: the video is dropped with an error.
    """

    def __init__(self, store: Store, folder: str, fps: float, watch: WithdrawalWatch) -> None:
        super().__init__()
        self._store, self._folder, self._fps, self._watch = store, folder, fps, watch

    def find_row(self, item: PlannedRequest) -> GeneratedRow | None:
        """The row of a video that was made for these hits, or of a request that is not tried."""
        if failed := item.failed:
            return _build_row(item, reason=failed.reason, detail=failed.detail)
        name = self._row_file(item)
        if not self._store.exists(name):
            return None
        payload = json.loads(self._store.read(name))
        return payload["row"] if payload["request"] == item.digest else None

    def write(self, item: PlannedRequest, outcome: Outcome[GeneratedVideo]) -> GeneratedRow:
        withdrawn = _list_withdrawn(item.request, self._watch.read())
        if not isinstance(outcome, Done):
            note, detail = _describe_left_out((), withdrawn), outcome.detail[:DETAIL]
            return _build_row(item, reason=outcome.reason, detail=detail, note=note)
        video, file = outcome.value, media_path(item.id)
        for used in video.used:
            if used.source.video_id in withdrawn:
                raise WithdrawnMeanwhile(
                    f"{used.source.video_id} was withdrawn while it conditioned {item.id}, which is"
                    " not kept: it is generated again without it"
                )
        self.caches.update(video.cache_use)
        # The file first: the row beside it marks it as whole.
        self._store.write(f"{self._folder}/{file}", video.video)
        row = _build_row(
            item, file=file, sha256=sha256(video.video).hexdigest(), frames=video.frames,
            fps=self._fps, width=video.width, height=video.height, seconds=video.seconds,
            note=_describe_left_out(video.left_out, withdrawn), hits=_list_hits(video),
            image=video.image, clips=video.clips,
        )  # fmt: skip
        content = json.dumps({"request": item.digest, "row": row}).encode()
        self._store.write(self._row_file(item), content)
        return row

    def _row_file(self, item: PlannedRequest) -> str:
        return f"{self._folder}/{media_path(item.id).removesuffix('.mp4')}.json"


class GenerateRun(StageRun[PlannedRequest, GeneratedVideo, GeneratedRow]):
    """Workers that make the videos of a run."""

    stage = "generate"

    def __init__(
        self, workspace: Workspace, run: Run, runner: Runner, shards: Sequence[str]
    ) -> None:
        setup, self._fps = build_generate_setup(workspace.settings), run.spec.fps
        make = _make_engine(workspace, run, shards)
        super().__init__(workspace.store, run.folder, run.version, make, runner, setup.batch)
        self.workers, self.decoders = count_workers(workspace.settings), setup.decoders
        self._watch = WithdrawalWatch(workspace, run.corpus)
        self.progress.total = self.count_items(shards)

    def read_item(self, payload: dict[str, Any]) -> PlannedRequest:
        return read_request(payload)

    def to_input(self, item: PlannedRequest) -> Request:
        """The request without the clips that were withdrawn since it was planned."""
        withdrawn = self._watch.read()
        kept = tuple(s for s in item.request.sources if s.content not in withdrawn)
        return replace(item.request, sources=kept)

    def open_writer(self, shard: Shard[PlannedRequest]) -> GenerateWriter:
        return GenerateWriter(self.store, self.folder, self._fps, self._watch)


def _make_engine(workspace: Workspace, run: Run, shards: Sequence[str]) -> Callable[[], Engine]:
    setup, clip, stored = build_generate_setup(workspace.settings), EmbedSpec(model=SHAPES), None
    if run.embed is not None:
        stage = Stage(run.corpus, "embed", run.embed)
        clip = require_same_weights(workspace, stage)
        stored = _locate_vectors(workspace, stage, run, shards)
    features = None
    if run.features is not None:
        stage = Stage(run.corpus, MOTION_FEATURES, run.features)
        features = locate_features(workspace, stage, _list_contents(workspace, run, shards))
    return partial(VideoGenerator, run.spec, clip, setup, stored, features)


def _list_contents(workspace: Workspace, run: Run, shards: Sequence[str]) -> list[str]:
    """The contents of every clip that these shards' requests follow."""
    lists = (read_shard(workspace.store, run.folder, name, read_request) for name in shards)
    return list(
        {clip.content for shard in lists for item in shard.items for clip in item.request.sources}
    )


def _locate_vectors(
    workspace: Workspace, stage: Stage, run: Run, shards: Sequence[str]
) -> StoredVectors:
    """Where the frame vectors of every clip that these shards' requests follow are stored."""
    contents = _list_contents(workspace, run, shards)
    # Another host may have packed these shards: the catalogue of this one would name files gone.
    with workspace.open_synced_catalog(stage.corpus) as catalog:
        rows = catalog.execute(
            load_sql("output_locations"),
            corpus=stage.corpus,
            stage=stage.kind,
            fingerprint=stage.fingerprint,
            contents=contents,
        )
    places = {content: (shard, id) for content, shard, id in sorted(rows)}
    return StoredVectors(workspace.store, stage.folder, places)


def _build_row(item: PlannedRequest, **fields: Any) -> GeneratedRow:
    request = item.request
    empty = dict.fromkeys(name for name in tables.GENERATIONS.names if name not in OF_THE_RUN)
    return empty | {
        "request_id": request.id, "prompt_id": request.prompt_id, "prompt": request.prompt,
        "sample": request.sample, "seed": request.seed, "index_version": item.index, "hits": [],
    } | fields  # fmt: skip


def _list_hits(video: GeneratedVideo) -> list[dict[str, Any]]:
    return [
        {"rank": s.rank, "video_id": s.video_id, "content": s.content, "score": s.score,
         "start_s": each.start_s, "weight": each.weight, "uri": s.uri, "caption": s.caption,
         "excluded": s.excluded}
        for each in video.used
        for s in [each.source]
    ]  # fmt: skip


def _list_withdrawn(request: Request, contents: set[str]) -> list[str]:
    """The ids of a request's clips that are withdrawn by now."""
    return [clip.video_id for clip in request.sources if clip.content in contents]


def _describe_left_out(skipped: Sequence[SkippedClip], withdrawn: Sequence[str]) -> str | None:
    """A note on the clips that a video was made without; None if there are none."""
    notes = [f"without {clip.video_id}: {clip.detail}" for clip in skipped]
    notes += [f"without {id}: withdrawn since it was planned" for id in withdrawn]
    return "; ".join(notes)[:DETAIL] or None
