"""The leak guard: finds clips of a benchmark in a corpus, exact copies and near ones."""

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
from data.runs.generations import read_run
from data.shards.stages import current_stage, read_spec
from data.specs.pipeline import PoolSpec
from data.store import layout
from data.workspace import Workspace
from engines.base import load_plugin
from engines.embed.engine import VideoEmbedder
from engines.pool.engine import pool_video
from engines.retrieve.near_copies import THRESHOLD, find_near_copies
from engines.video.frames import DecodeError
from engines.video.probe import hash_file
from tasks.progress import Progress
from tasks.retrieve.duplicates import read_group_members
from tasks.retrieve.leak_files import read_clips, save_leaks
from tasks.retrieve.retriever import Retriever
from tasks.service.runner import open_runner
from tasks.stages import require_same_weights
from tasks.url_policy import build_url_policy
from tasks.workers import build_embed_setup, count_workers

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LeakReport:
    """The leaks among `clips` clips; those in `failed` could not be compared."""

    corpus: str
    threshold: float
    clips: int
    leaks: tuple[Leak, ...]
    failed: tuple[Failed, ...]


@task(name="guard", task_run_name="guard-{corpus}", cache_policy=NO_CACHE, persist_result=False)
def guard_task(
    workspace: Workspace, corpus: str, clips: Sequence[Video], threshold: float = THRESHOLD,
    groups: bool = False,
) -> LeakReport:  # fmt: skip
    """Runs `find_leaks` as a Prefect task."""
    return find_leaks(workspace, corpus, clips, threshold, groups)


def find_leaks(
    workspace: Workspace, corpus: str, clips: Sequence[Video], threshold: float = THRESHOLD,
    groups: bool = False,
) -> LeakReport:  # fmt: skip
    """Compares each clip with the corpus's videos: first the bytes, then the vectors in its index.

    Clips are embedded and pooled like the corpus; a cosine of `threshold` or more is a near copy.
    With `groups`, the near-duplicates of what leaks are leaks too. A clip that cannot be read is
    reported in `failed` and does not stop the others.
    """
    retriever, failed = Retriever(workspace, corpus), []
    policy = build_url_policy(workspace.settings)
    readable: list[Video] = []
    for clip in clips:
        try:
            readable.append(replace(clip, content=hash_file(clip.uri, policy)[0]))
        except DecodeError as error:
            failed.append(Failed(clip.id, error.reason, str(error)))  # type: ignore[arg-type]
    exact = list(_exact_leaks(retriever, readable))
    vectors: dict[str, np.ndarray] = {}
    for outcome in _embed_clips(workspace, corpus, readable):
        if isinstance(outcome, Done):
            vectors[outcome.id] = outcome.value
        else:
            failed.append(outcome)
    # An exact copy is a near copy too: each pair is reported once.
    pairs = {(leak.clip, leak.video_id) for leak in exact}
    near = [leak for leak in _near_leaks(retriever, vectors, threshold)
            if (leak.clip, leak.video_id) not in pairs]  # fmt: skip
    found = [*exact, *near]
    if groups:
        found += _list_group_leaks(workspace, corpus, found)
    leaks = sorted(found, key=lambda leak: (leak.clip, -leak.similarity, leak.video_id))
    return LeakReport(corpus, threshold, len(clips), tuple(leaks), tuple(failed))


def guard_run(workspace: Workspace, evaluation: Evaluation, source: str) -> None:
    """Tests the corpus of an evaluated run against the clips of a source, and saves the leaks.

    Only clips that are evaluated count, and a run without retrieval is not tested. Raises a
    UserError if the evaluated videos are no run of this store, or if none of the clips is theirs.
    """
    spec_file = layout.spec_file(layout.generation_folder(evaluation.source))
    if not workspace.store.exists(spec_file):
        raise UserError(
            f"{evaluation.source} is not a run of this store, and has no index: leave --clips out"
        )
    run = read_run(workspace.store, evaluation.source)
    evaluated = {target.clip for target in evaluation.targets}
    clips = [clip for clip in read_clips(source) if clip.id in evaluated]
    if not clips:
        raise UserError(
            f"{source} has none of the evaluated clips: the ids of prompts must be names of clips"
        )
    if run.index is not None:
        report = guard_task(workspace, run.corpus, clips)
        for failure in report.failed:
            log.warning("guard: %s: %s (%s)", failure.id, failure.detail, failure.reason)
        save_leaks(workspace.store, evaluation.folder, run.corpus, report.leaks)


def _exact_leaks(retriever: Retriever, clips: Sequence[Video]) -> Iterator[Leak]:
    videos = retriever.find_videos([clip.content for clip in clips])
    for clip in clips:
        if clip.content in videos:
            yield Leak(clip.id, videos[clip.content][0], "exact", 1.0)


def _embed_clips(
    workspace: Workspace, corpus: str, clips: Sequence[Video]
) -> Iterator[Outcome[np.ndarray]]:
    """Yields each clip's pooled vector, made with the corpus's own embed and pool specs."""
    embed, pool = (current_stage(workspace.store, corpus, kind) for kind in ("embed", "pool"))
    assert embed is not None and pool is not None  # there is an index over them
    pooling = load_plugin("pool.methods", read_spec(workspace.store, pool, PoolSpec).method)
    make = partial(
        VideoEmbedder, require_same_weights(workspace, embed), build_embed_setup(workspace.settings)
    )
    progress = Progress("guard", len(clips))
    with open_runner(workspace.settings, count_workers(workspace.settings)) as runner:
        for outcome in runner.map(make, clips, workspace.settings.batch):
            if isinstance(outcome, Done):
                outcome = pool_video(outcome.id, outcome.value.vector, pooling.pool)
            done = isinstance(outcome, Done)
            progress.add(done=int(done), failed=int(not done))
            yield outcome


def _near_leaks(
    retriever: Retriever, vectors: dict[str, np.ndarray], threshold: float
) -> list[Leak]:
    """Returns each pair of a clip and a nearly identical video that can be retrieved."""
    if not vectors:
        return []
    clips = list(vectors)
    copies = list(find_near_copies(retriever.index, np.stack(list(vectors.values())), threshold))
    videos = retriever.find_videos([retriever.contents[copy.row] for copy in copies])
    leaks = []
    for copy in copies:
        # Withdrawn videos are still in the index, but cannot be retrieved.
        if video := videos.get(retriever.contents[copy.row]):
            leaks.append(Leak(clips[copy.query], video[0], "near", copy.similarity))
    return leaks


def _list_group_leaks(workspace: Workspace, corpus: str, leaks: Sequence[Leak]) -> Iterator[Leak]:
    """Yields the other videos of the groups that leaks are in, each once for a clip."""
    members = read_group_members(workspace, corpus, [leak.video_id for leak in leaks])
    seen = {(leak.clip, leak.video_id) for leak in leaks}
    for leak in leaks:
        for id, _ in members.get(leak.video_id, ()):
            if (leak.clip, id) not in seen:
                seen.add((leak.clip, id))
                yield Leak(leak.clip, id, "group", leak.similarity)
