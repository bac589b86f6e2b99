"""The leak guard: which clips of a benchmark a corpus has, and what they have conditioned."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from prefect import task
from prefect.cache_policies import NO_CACHE

from data.errors import UserError
from data.outcome import Done, Failed, Outcome
from data.records import Video
from data.runs.evaluation_plans import Evaluation
from data.runs.evaluations import Leak
from data.runs.generations import Run, generations, run_of
from data.shards.stages import current, spec_of
from data.specs.pipeline import PoolSpec
from data.store import layout
from data.workspace import Workspace
from engines.base import plugin
from engines.embed.engine import VideoEmbedder
from engines.pool.engine import pooled
from engines.retrieve.near_copies import THRESHOLD, near
from engines.video.frames import DecodeError
from engines.video.probe import digest
from tasks.progress import Progress
from tasks.retrieve.bank import Bank
from tasks.retrieve.leak_files import clips_of, keep
from tasks.stages import same_weights
from tasks.workers import embed_work, embed_workers, open_runner

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Tested:
    """What the guard found of `clips`; those in `failed` could not be compared."""

    corpus: str
    threshold: float
    clips: int
    leaks: tuple[Leak, ...]
    failed: tuple[Failed, ...]


@task(name="guard", task_run_name="guard-{corpus}", cache_policy=NO_CACHE, persist_result=False)
def guard_task(
    workspace: Workspace, corpus: str, clips: Sequence[Video], threshold: float = THRESHOLD
) -> Tested:
    """Prefect's skin over `guard`."""
    return guard(workspace, corpus, clips, threshold)


def guard(
    workspace: Workspace, corpus: str, clips: Sequence[Video], threshold: float = THRESHOLD
) -> Tested:
    """Compares each clip with the corpus's videos: the bytes, then the vectors of its bank.

    Clips are embedded and pooled as the bank was; a cosine of `threshold` or more is a near copy.
    A clip that cannot be read is in `failed`, and costs the others nothing.
    """
    bank, failed = Bank(workspace, workspace.known(corpus)), []
    read: list[Video] = []
    for clip in clips:
        try:
            read.append(replace(clip, content=digest(clip.uri)[0]))
        except DecodeError as error:
            failed.append(Failed(clip.id, error.reason, str(error)))  # type: ignore[arg-type]
    exact = list(_exact(bank, read))
    vectors: dict[str, np.ndarray] = {}
    for outcome in _embedded(workspace, corpus, read):
        if isinstance(outcome, Done):
            vectors[outcome.id] = outcome.value
        else:
            failed.append(outcome)
    same = {(leak.clip, leak.video_id) for leak in exact}
    nearly = [leak for leak in _near(bank, vectors, threshold)
              if (leak.clip, leak.video_id) not in same]  # fmt: skip
    order = sorted([*exact, *nearly], key=lambda leak: (leak.clip, -leak.similarity, leak.video_id))
    return Tested(corpus, threshold, len(clips), tuple(order), tuple(failed))


def guard_run(workspace: Workspace, asked: Evaluation, source: str) -> None:
    """Tests the bank of an evaluated run against the clips of a source, and keeps what it finds.

    Clips that are not evaluated do not count. A bank that nothing was retrieved from is not
    tested; a UserError where no run of ours is evaluated, or not one of the clips.
    """
    if not workspace.store.exists(layout.spec(layout.generation(asked.source))):
        raise UserError(f"{asked.source} is no run of ours, and has no bank: leave --clips out")
    run, evaluated = (
        run_of(workspace.store, asked.source),
        {target.clip for target in asked.targets},
    )
    clips = [clip for clip in clips_of(source) if clip.id in evaluated]
    if not clips:
        raise UserError(f"{source} has no clip that is evaluated: prompts are named as clips are")
    if run.index is not None:
        tested = guard_task(workspace, run.corpus, clips)
        for failed in tested.failed:
            log.warning("guard: %s: %s (%s)", failed.id, failed.detail, failed.reason)
        keep(workspace.store, asked.folder, run.corpus, tested.leaks)


def conditioned(workspace: Workspace, run: Run, leaks: Sequence[Leak]) -> dict[str, list[str]]:
    """By request of the run, the leaked videos that conditioned what was made for it."""
    leaked = {leak.video_id for leak in leaks}
    found = {
        row["request_id"]: sorted({h["video_id"] for h in row["hits"] or ()} & leaked)
        for row in generations(workspace.store, run)
    }
    return {request: videos for request, videos in found.items() if videos}


def _exact(bank: Bank, clips: Sequence[Video]) -> Iterator[Leak]:
    known = bank.known([clip.content for clip in clips])
    for clip in clips:
        if clip.content in known:
            yield Leak(clip.id, known[clip.content][0], "exact", 1.0)


def _embedded(
    workspace: Workspace, corpus: str, clips: Sequence[Video]
) -> Iterator[Outcome[np.ndarray]]:
    """Each clip's pooled vector, as the bank's were made."""
    embed, pool = (current(workspace.store, corpus, kind) for kind in ("embed", "pool"))
    assert embed is not None and pool is not None
    pooling = plugin("pool.methods", spec_of(workspace.store, pool, PoolSpec).method)
    make = partial(VideoEmbedder, same_weights(workspace, embed), embed_work(workspace.settings))
    progress = Progress("guard", len(clips))
    with open_runner(workspace.settings, embed_workers(workspace.settings)) as runner:
        for outcome in runner.map(make, clips, workspace.settings.batch):
            if isinstance(outcome, Done):
                outcome = pooled(outcome.id, outcome.value.vector, pooling.pool)
            done = isinstance(outcome, Done)
            progress.add(done=int(done), failed=int(not done))
            yield outcome


def _near(bank: Bank, vectors: dict[str, np.ndarray], threshold: float) -> list[Leak]:
    """Each clip and video that are nearly the same, where the video can be retrieved."""
    if not vectors:
        return []
    clips = list(vectors)
    found = list(near(bank.index, np.stack(list(vectors.values())), threshold))
    known = bank.known([bank.contents[each.row] for each in found])
    pairs = ((clips[e.query], known.get(bank.contents[e.row]), e.similarity) for e in found)
    return [Leak(clip, video[0], "near", cosine) for clip, video, cosine in pairs if video]
