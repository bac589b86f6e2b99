"""Chooses the clips of a distance: videos of each set and a window in each, by a seed."""

import os

import numpy as np

from data.batches import iter_batches
from data.catalog.database import load_sql
from data.errors import UserError
from data.outcome import Done, Failed, Outcome
from data.records import Probe, Video
from data.runs.distances import Clip, ClipSet
from data.runs.generations import read_generations, read_run
from data.specs.distance import DistanceSpec, Window
from data.store import layout
from data.workspace import Workspace
from engines.base import Runner
from engines.evaluate.distance.clips import count_starts
from engines.files.leftovers import describe_leftovers
from engines.ingest.open_source import open_source
from tasks.progress import Progress, notify
from tasks.url_policy import build_url_policy
from tasks.workers import build_probe_engine

AT_ONCE = 64  # videos probed for digest and length, before it is checked whether they suffice

VideosAndFailures = tuple[list[Video], list[Failed]]


def choose_clips(
    workspace: Workspace, runner: Runner, source: str, spec: DistanceSpec, side: str,
    listed: VideosAndFailures | None = None,
) -> ClipSet:  # fmt: skip
    """Draws as many clips of a source as the spec asks for, in an order set by its seed alone.

    `side` is "real" or "generated"; `listed` are the source's videos, if they are known. A video
    that is too short or cannot be read is skipped for the next one, and listed with its reason.
    """
    window, limit = (
        (spec.real_window, spec.n_real)
        if side == "real"
        else (spec.generated_window, spec.n_generated)
    )
    videos, failed = listed or list_videos(workspace, source)
    order = np.random.default_rng(spec.seed).permutation(len(videos))
    probe, clips = build_probe_engine(workspace.settings), list[Clip]()
    progress = Progress(f"choose {side}", len(videos) if limit is None else min(limit, len(videos)))
    for batch in iter_batches((videos[n] for n in order), min(AT_ONCE, limit or AT_ONCE)):
        outcomes = {outcome.id: outcome for outcome in runner.map(probe, batch, AT_ONCE)}
        # In the order of the draw, not of the answers: the choice must not depend on speed.
        for video in batch:
            clip = _place_clip(video, outcomes[video.id], spec, window)
            if isinstance(clip, Failed):
                failed.append(clip)
            else:
                clips.append(clip)
                progress.add(done=int(limit is None or len(clips) <= limit))
        if limit is not None and len(clips) >= limit:
            break
    return ClipSet(source, tuple(clips[:limit]), tuple(failed), len(videos))


def list_videos(workspace: Workspace, source: str) -> VideosAndFailures:
    """The videos of a source, sorted by id, and the rows that name none.

    `source` is a run of generation, else a corpus, else a folder, glob or table. A folder that has
    the name of a run or corpus can be given as `./name`. A UserError for a source without videos.
    """
    if source.isalnum() and workspace.store.exists(
        layout.spec_file(layout.generation_folder(source))
    ):
        videos, failed = _list_run(workspace, source)
    elif source in workspace.list_corpora():
        videos, failed = _list_corpus(workspace, source), []
    else:
        videos, failed = _list_source(source)
        if os.path.isdir(source) and (leftovers := describe_leftovers(source)):
            notify(f"not measured in {source}: {leftovers}")
    if not videos:
        why = f": {failed[0].id}: {failed[0].detail}" if failed else ""
        raise UserError(f"no videos in {source}{why}: give a run, a corpus, or a folder of videos")
    return sorted(videos, key=lambda video: video.id), failed


def _list_run(workspace: Workspace, fingerprint: str) -> VideosAndFailures:
    run = read_run(workspace.store, fingerprint)
    videos, failed = list[Video](), list[Failed]()
    for row in read_generations(workspace.store, run):
        if row["reason"]:
            failed.append(Failed(row["request_id"], row["reason"], row["detail"]))
        else:
            uri = workspace.store.path(f"{run.folder}/{row['file']}")
            videos.append(Video(row["request_id"], uri, row["sha256"]))
    return videos, failed


def _list_corpus(workspace: Workspace, corpus: str) -> list[Video]:
    with workspace.open_synced_catalog(corpus) as catalog:
        rows = catalog.query_rows(load_sql("good_videos"), corpus=corpus)
    return [Video(row["id"], row["uri"], row["content"]) for row in rows]


def _list_source(source: str) -> VideosAndFailures:
    videos, failed = dict[str, Video](), list[Failed]()
    for row in open_source(
        source, {"txt": ""}, build_url_policy()
    ):  # no caption column: captions are not needed
        if not row.uri:
            name = row.id or f"line {row.line}"
            failed.append(Failed(name, "rejected", str(row.columns.get("error") or "no location")))
            continue
        name = row.id if row.id and row.id not in videos else row.uri  # as for a.mp4 beside a.avi
        videos[name] = Video(name, row.uri, "")
    return list(videos.values()), failed


def _place_clip(
    video: Video, outcome: Outcome[Probe], spec: DistanceSpec, window: Window
) -> Clip | Failed:
    """Places the window of a clip in its video, or says why none fits."""
    if not isinstance(outcome, Done):
        return Failed(video.id, outcome.reason, outcome.detail)
    probe, clip = outcome.value, spec.clip
    if not probe.fps or not probe.duration:
        return Failed(video.id, "rejected", "its frame rate or duration is unknown")
    if clip.fps and clip.fps > 1.01 * probe.fps:
        return Failed(video.id, "rejected", f"{probe.fps:g} frames per second: some would repeat")
    choices = count_starts(clip, probe.fps, probe.duration)
    if not choices:
        count = round(probe.duration * (clip.fps or probe.fps))
        return Failed(video.id, "rejected", f"{count} frames, and a clip spans {clip.span}")
    start = 0
    if window == "random":
        # Of the bytes, not the name: a renamed or moved video keeps its window.
        digest, _, span = probe.content.partition("#")
        seed = [spec.seed, int(digest[-16:], 16), *span.encode()]
        start = int(np.random.default_rng(seed).integers(choices))
    return Clip(video.id, video.uri, probe.content, probe.fps, start)
