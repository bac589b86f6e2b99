"""Prepares a corpus for training a controller: neighbours, latents and frame vectors."""

import logging
from collections.abc import Callable
from functools import partial

import numpy as np
import pyarrow as pa
from prefect import task
from prefect.cache_policies import NO_CACHE

from data.outcome import Done
from data.records import Video
from data.shards.stages import Stage, current_stage, read_spec, register_stage
from data.specs.train import LessonSpec, TrainSpec
from data.specs.train_refiner import ClipsSpec
from data.store import tables
from data.workspace import Workspace
from engines.base import Engine, Runner
from engines.generate.pipelines.digest import base_digest, base_folder
from engines.train import features, neighbours
from engines.train.dataset import TrainingSet
from engines.train.frame_store import FrameStore, open_frame_store
from tasks.generate.spec import require_base
from tasks.progress import Progress
from tasks.retrieve.retriever import Retriever
from tasks.service.runner import open_runner
from tasks.shard import run_items
from tasks.stages import require_same_weights
from tasks.train.neighbours import find_neighbours
from tasks.withdrawn import read_withdrawn
from tasks.workers import build_embed_setup, count_workers

log = logging.getLogger(__name__)

VERSION = "1"
FIELDS = ["id", "uri", "content", "duration"]  # those of `Video`
NOT_NOW = ("unreachable", "out_of_memory")  # nothing of the video itself
COMMIT_EVERY = 64  # videos at most that a killed run has to read again


@task(name="prepare-footage", cache_policy=NO_CACHE, persist_result=False)
def prepare_training_set(workspace: Workspace, corpus: str, spec: TrainSpec) -> Stage:
    """Prepares every video's neighbours, latents and frame vectors, where they are missing.

    The stage returned depends on the base's VAE and the version of the index.
    """
    require_base(workspace, corpus, spec)
    retriever, base, lesson = Retriever(workspace, corpus), base_folder(spec.base), spec.lesson
    embedded = current_stage(workspace.store, corpus, "embed")
    assert embedded is not None
    clip, shape = require_same_weights(workspace, embedded), features.latent_shape(base, lesson)
    inputs = base_digest(base, "vae"), retriever.stage.fingerprint, retriever.version
    stage = register_stage(workspace.store, corpus, "controllers", lesson, VERSION, *inputs)
    # Neighbours first: they fix the rows that both frame stores are addressed by.
    videos = find_neighbours(retriever, lesson, stage.folder)
    folder = workspace.store.local_path(stage.folder)  # frame stores are memory-mapped
    latents = open_frame_store(folder, "latents", len(videos), lesson.most, shape)
    tokens = open_frame_store(folder, "tokens", len(videos), lesson.most, (retriever.index.dim,))
    setup = build_embed_setup(workspace.settings)
    with open_runner(workspace.settings, count_workers(workspace.settings)) as runner:
        fill = partial(fill_store, runner, workspace.settings.batch, videos, lesson)
        fill("latents", latents, partial(features.build_latent_engine, base, lesson, clip, setup))
        fill("tokens", tokens, partial(features.build_token_engine, lesson, clip, setup))
    return stage


def open_training_set(workspace: Workspace, stage: Stage) -> TrainingSet:
    """Opens the training set that `prepare_training_set` has filled, without withdrawn videos."""
    lesson = read_spec(workspace.store, stage, LessonSpec)
    folder = workspace.store.local_path(stage.folder)
    videos = tables.read_table(workspace.store, neighbours.videos_file(stage.folder))
    withdrawn = read_withdrawn(workspace, stage.corpus)
    gone = np.array([content in withdrawn for content in videos["content"].to_pylist()], bool)
    return TrainingSet(
        FrameStore(folder, "latents"),
        FrameStore(folder, "tokens"),
        videos["caption"],
        neighbours.read_neighbours(workspace.store, stage.folder, len(videos), lesson.k),
        gone,
    )


def fill_store(
    runner: Runner, batch: int, videos: pa.Table, lesson: LessonSpec | ClipsSpec,
    name: str, frames: FrameStore, make: Callable[[], Engine],
) -> None:  # fmt: skip
    """Fills a store with the frames that it lacks; videos that cannot be read are left out.

    Those whose storage was away are left out this time only.
    """
    pending = frames.pending()
    missing = videos.take(pa.array(pending))
    items = [Video(*row.values()) for row in missing.select(FIELDS).to_pylist()]
    rows = dict(zip(missing["id"].to_pylist(), pending.tolist(), strict=True))
    progress = Progress(name, len(items))
    work = run_items(runner, make, items, batch, progress)
    for count, (video, outcome) in enumerate(work, start=1):
        if isinstance(outcome, Done):
            frames.put(rows[video.id], features.sample_evenly(outcome.value, lesson))
        elif outcome.reason in NOT_NOW:  # stays to be read: the next run may find it
            log.warning("not read: %s: %s (%s)", video.id, outcome.detail, outcome.reason)
        else:
            log.warning("left out %s: %s (%s)", video.id, outcome.detail, outcome.reason)
            frames.leave_out(rows[video.id], outcome.reason)
        if count % COMMIT_EVERY == 0:
            frames.commit_frames()
    frames.commit_frames()
