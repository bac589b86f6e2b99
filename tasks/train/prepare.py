"""A corpus made ready to train a controller on: neighbours, latents and frame vectors."""

import logging
from collections.abc import Callable
from functools import partial

import pyarrow as pa
from prefect import task
from prefect.cache_policies import NO_CACHE

from data.outcome import Done
from data.records import Video
from data.shards.stages import Stage, current, register, spec_of
from data.specs.train import LessonSpec, TrainSpec
from data.store import tables
from data.workspace import Workspace
from engines.base import Engine, Runner
from engines.generate.pipelines.digest import base_digest, base_folder
from engines.train import features, neighbours
from engines.train.dataset import Footage
from engines.train.frame_store import Shelf, shelf
from tasks.progress import Progress
from tasks.retrieve.bank import Bank
from tasks.stages import same_weights
from tasks.train.neighbours import find_neighbours
from tasks.workers import embed_work, embed_workers, open_runner

log = logging.getLogger(__name__)

VERSION = "1"
SETTLE_EVERY = 64  # videos whose frames a stop may cost


@task(name="prepare-footage", cache_policy=NO_CACHE, persist_result=False)
def prepare(workspace: Workspace, corpus: str, spec: TrainSpec) -> Stage:
    """Every video's neighbours, latents and frame vectors; what is there is not made again."""
    bank, base, lesson = Bank(workspace, corpus), base_folder(spec.base), spec.lesson
    embedded = current(workspace.store, corpus, "embed")
    assert embedded is not None
    clip, shape = same_weights(workspace, embedded), features.latent_shape(base, lesson)
    inputs = base_digest(base, "vae"), bank.stage.fingerprint, bank.version
    stage = register(workspace.store, corpus, "controllers", lesson, VERSION, *inputs)
    videos, folder = (
        find_neighbours(bank, lesson, stage.folder),
        workspace.store.local(stage.folder),
    )
    latents = shelf(folder, "latents", len(videos), lesson.most, shape)
    tokens = shelf(folder, "tokens", len(videos), lesson.most, (bank.index.dim,))
    work = embed_work(workspace.settings)
    with open_runner(workspace.settings, embed_workers(workspace.settings)) as runner:
        fill = partial(_fill, runner, workspace.settings.batch, videos, lesson)
        fill("latents", latents, partial(features.latents, base, lesson, clip, work))
        fill("tokens", tokens, partial(features.tokens, lesson, clip, work))
    return stage


def opened(workspace: Workspace, stage: Stage) -> Footage:
    """What `prepare` made."""
    lesson, folder = (
        spec_of(workspace.store, stage, LessonSpec),
        workspace.store.local(stage.folder),
    )
    videos = tables.read(workspace.store, neighbours.videos_file(stage.folder))
    return Footage(
        Shelf(folder, "latents"),
        Shelf(folder, "tokens"),
        videos["caption"],
        neighbours.read(workspace.store, stage.folder, len(videos), lesson.k),
    )


def _fill(
    runner: Runner, batch: int, videos: pa.Table, lesson: LessonSpec,
    name: str, shelf: Shelf, make: Callable[[], Engine],
) -> None:  # fmt: skip
    """Puts on a shelf what is not there; a video that cannot be read is left out."""
    missing = videos.take(pa.array(shelf.pending()))
    wanted = [Video(*row.values()) for row in missing.select(FIELDS).to_pylist()]
    rows = dict(zip(missing["id"].to_pylist(), shelf.pending().tolist(), strict=True))
    progress = Progress(name, len(wanted))
    for count, outcome in enumerate(runner.map(make, wanted, batch), start=1):
        if isinstance(outcome, Done):
            shelf.put(rows[outcome.id], features.even(outcome.value, lesson))
            progress.add(done=1)
        else:
            log.warning("%s: %s (%s)", outcome.id, outcome.detail, outcome.reason)
            shelf.leave_out(rows[outcome.id], outcome.reason)
            progress.add(failed=1)
        if count % SETTLE_EVERY == 0:
            shelf.settle()
    shelf.settle()


FIELDS = ["id", "uri", "content", "duration"]
