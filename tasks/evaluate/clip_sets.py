"""The clips of a distance: which videos of each side, and which frames of them, by a seed."""

import numpy as np

from data.batches import batched
from data.catalog import merge
from data.catalog.database import sql
from data.outcome import Done, Failed, Outcome
from data.records import Probe, Video
from data.runs.distances import Clip, ClipSet
from data.runs.generations import generations, run_of
from data.specs.distance import DistanceSpec, Window
from data.store import layout
from data.workspace import Workspace
from engines.base import Runner
from engines.evaluate.distance.clips import starts
from engines.ingest.open_source import open_source
from tasks.progress import Progress
from tasks.workers import prober

AT_ONCE = 64  # videos read, for their digest and length, before it is seen whether these do

Listed = tuple[list[Video], list[Failed]]


def choose(
    workspace: Workspace, runner: Runner, source: str, spec: DistanceSpec, side: str
) -> ClipSet:
    """As many clips of a source as the spec wants, drawn in an order that its seed alone settles.

    A video that is too short, or cannot be read, is passed over for the next, and has a reason.
    """
    window, most = (
        (spec.real_window, spec.n_real)
        if side == "real"
        else (spec.generated_window, spec.n_generated)
    )
    videos, failed = listed(workspace, source)
    drawn = np.random.default_rng(spec.seed).permutation(len(videos))
    probe, clips = prober(workspace.settings), list[Clip]()
    progress = Progress(f"choose {side}", len(videos) if most is None else min(most, len(videos)))
    for some in batched((videos[at] for at in drawn), min(AT_ONCE, most or AT_ONCE)):
        for video, outcome in zip(some, runner.map(probe, some, AT_ONCE), strict=True):
            clip = _clip(video, outcome, spec, window)
            if isinstance(clip, Failed):
                failed.append(clip)
            else:
                clips.append(clip)
                progress.add(done=1)
        if most is not None and len(clips) >= most:
            break
    return ClipSet(source, tuple(clips[:most]), tuple(failed), len(videos))


def listed(workspace: Workspace, source: str) -> Listed:
    """The videos of a run of generation, a corpus, or a folder, glob or table, by their names.

    The name of a run or a corpus comes first: `./name` is the folder.
    """
    if source.isalnum() and workspace.store.exists(layout.spec(layout.generation(source))):
        found = _of_run(workspace, source)
    elif source in workspace.corpora():
        found = _of_corpus(workspace, source), list[Failed]()
    else:
        found = _of_source(source)
    return sorted(found[0], key=lambda video: video.id), found[1]


def _of_run(workspace: Workspace, fingerprint: str) -> Listed:
    run = run_of(workspace.store, fingerprint)
    videos, failed = list[Video](), list[Failed]()
    for row in generations(workspace.store, run):
        if row["reason"]:
            failed.append(Failed(row["request_id"], row["reason"], row["detail"]))
        else:
            uri = workspace.store.path(f"{run.folder}/{row['file']}")
            videos.append(Video(row["request_id"], uri, row["sha256"]))
    return videos, failed


def _of_corpus(workspace: Workspace, corpus: str) -> list[Video]:
    with workspace.catalog() as catalog:
        merge.sync_videos(catalog, workspace.store, corpus)
        rows = catalog.rows(sql("good_videos"), corpus=corpus)
    return [Video(row["id"], row["uri"], row["content"]) for row in rows]


def _of_source(source: str) -> Listed:
    videos, failed = dict[str, Video](), list[Failed]()
    for row in open_source(source, {"txt": ""}):  # captions are of no use here
        if not row.uri:
            name = row.id or f"line {row.line}"
            failed.append(Failed(name, "rejected", str(row.columns.get("error") or "no location")))
            continue
        name = row.id if row.id and row.id not in videos else row.uri  # a.mp4 beside a.avi
        videos[name] = Video(name, row.uri, "")
    return list(videos.values()), failed


def _clip(
    video: Video, outcome: Outcome[Probe], spec: DistanceSpec, window: Window
) -> Clip | Failed:
    """The clip of a video: its window is placed by the seed and the bytes, not by its name."""
    if not isinstance(outcome, Done):
        return Failed(video.id, outcome.reason, outcome.detail)
    probe, clip = outcome.value, spec.clip
    if not probe.fps or not probe.duration:
        return Failed(video.id, "rejected", "it does not say how fast, or how long, it plays")
    if clip.fps and clip.fps > 1.01 * probe.fps:
        return Failed(video.id, "rejected", f"{probe.fps:g} frames a second: some would repeat")
    choices = starts(clip, probe.fps, probe.duration)
    if not choices:
        have = round(probe.duration * (clip.fps or probe.fps))
        return Failed(video.id, "rejected", f"{have} frames, and a clip reaches over {clip.span}")
    start = 0
    if window == "random":
        seed = [spec.seed, int(probe.content[-16:], 16)]
        start = int(np.random.default_rng(seed).integers(choices))
    return Clip(video.id, video.uri, probe.content, probe.fps, start)
