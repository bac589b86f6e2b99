"""Prepares a refiner's training clips: frames of a corpus's videos, and which are held out."""

import hashlib
import json
import re
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
from prefect import task
from prefect.cache_policies import NO_CACHE

from data.errors import UserError
from data.runs.groups import list_grouped_videos
from data.shards.stages import Stage, register_stage
from data.specs.pipeline import EmbedSpec
from data.specs.train_refiner import ClipsSpec
from data.store import tables
from data.workspace import Workspace
from engines.embed.engine import VideoEmbedder
from engines.train import features
from engines.train.frame_store import FrameStore, open_frame_store
from tasks.progress import notify
from tasks.service.runner import open_runner
from tasks.train.prepare import fill_store
from tasks.workers import build_embed_setup, count_workers

VERSION, KIND = "1", "refiners"
UCF_GROUP = re.compile(r"v_(?P<group>\w+_g\d+)_c\d+")  # one scene and its people, in several clips


class ClipsRequest(Protocol):
    """What is prepared for a training: clips of a shape, and what belongs together."""

    @property
    def clips(self) -> ClipsSpec:
        """The clips' size, rate and length."""
        ...

    @property
    def same(self) -> str | None:
        """Columns whose equal values group related videos."""
        ...


@task(name="prepare-clips", cache_policy=NO_CACHE, persist_result=False)
def prepare_clips(workspace: Workspace, corpus: str, spec: ClipsRequest) -> Stage:
    """Prepares the frames of every video that lacks them; the stage depends on these videos."""
    videos = _list_videos(workspace, corpus, spec)
    # Rows of the frame store are by this list: other videos, or columns, are another stage.
    listed = json.dumps([videos["content"].to_pylist(), videos["kin"].to_pylist()])
    digest = hashlib.sha256(listed.encode()).hexdigest()
    stage = register_stage(workspace.store, corpus, KIND, spec.clips, VERSION, digest)
    if not workspace.store.exists(_videos_file(stage)):
        with tables.open_writer(workspace.store, _videos_file(stage), videos.schema) as writer:
            writer.write_table(videos)
    shape = (3 * spec.clips.height * spec.clips.width,)
    folder = workspace.store.local_path(stage.folder)
    _tell_size(folder, len(videos) * spec.clips.most * shape[0] * np.dtype(np.float16).itemsize)
    frames = open_frame_store(folder, "frames", len(videos), spec.clips.most, shape)
    make = _engine_maker(workspace, spec.clips)
    with open_runner(workspace.settings, count_workers(workspace.settings)) as runner:
        fill_store(runner, workspace.settings.batch, videos, spec.clips, "frames", frames, make)
    return stage


def _tell_size(folder: Path, size: int) -> None:
    """Says what frames take where they may not fit: a sparse file fills up only in hours."""
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if size > free / 2:
        notify(
            f"frames of the training clips take up to {size / 1e9:,.1f} GB in {folder}, where"
            f" {free / 1e9:,.1f} GB are free: --most keeps fewer of each, --size smaller ones"
        )


def open_clips(workspace: Workspace, stage: Stage) -> tuple[FrameStore, pa.Table]:
    """The frames that `prepare_clips` has prepared, and their videos."""
    folder = workspace.store.local_path(stage.folder)
    return FrameStore(folder, "frames"), tables.read_table(workspace.store, _videos_file(stage))


def split_groups(videos: pa.Table, share: float, seed: int) -> np.ndarray:
    """Which videos are held out, (videos,) bool: whole groups, at least one, and not all.

    Which groups depends on their names and the seed alone, so that more videos move none.
    """
    rows = zip(*(videos[name].to_pylist() for name in ("kin", "uri", "id", "content")), strict=True)
    groups = [name_group(*row) for row in rows]
    ordered = sorted(
        set(groups), key=lambda group: hashlib.sha256(f"{seed}/{group}".encode()).hexdigest()
    )
    if len(ordered) < 2:
        raise UserError(
            "all videos are of one group, of which none can be held out: name other columns with"
            " --same, or add videos"
        )
    count = min(max(1, round(share * len(ordered))), len(ordered) - 1)
    held_out = set(ordered[:count])
    return np.array([group in held_out for group in groups])


def name_group(columns: list[str | None], uri: str, id: str, content: str) -> str:
    """What a video belongs to: its columns' values, else UCF-101's group, else itself."""
    if columns:
        return json.dumps(columns)
    found = UCF_GROUP.fullmatch(Path(uri).stem) or UCF_GROUP.fullmatch(Path(id).stem)
    return found["group"] if found else content


def _list_videos(workspace: Workspace, corpus: str, spec: ClipsRequest) -> pa.Table:
    """The corpus's good videos, each content once."""
    columns = tuple(each.strip() for each in (spec.same or "").split(",") if each.strip())
    videos = list_grouped_videos(workspace, corpus, columns)
    contents = videos["content"].to_pylist()
    first = {content: row for row, content in reversed(list(enumerate(contents)))}
    videos = videos.take(pa.array(sorted(first.values()), pa.int64()))
    if not len(videos):
        raise UserError(f"{corpus} has no videos: run `reelflow ingest SOURCE --corpus {corpus}`")
    return videos


def _engine_maker(workspace: Workspace, clips: ClipsSpec) -> Callable[[], VideoEmbedder]:
    # Only its limit of damaged packets is used: no frame meets the model that it names.
    return partial(
        features.build_pixel_engine, clips, EmbedSpec(), build_embed_setup(workspace.settings)
    )


def _videos_file(stage: Stage) -> str:
    return f"{stage.folder}/videos.parquet"
