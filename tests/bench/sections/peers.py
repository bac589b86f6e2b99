"""Others that embed videos, each in an environment of its own, on the same clips and cores.

`bench-out/peers.md` has the tables: see `bench.peers.contest` for who they are.
"""

import math
import os
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bench.figures import Figure
from bench.job import Job
from bench.peers import contest, corpus
from bench.peers.contest import FLOOR, PEERS, Run
from bench.peers.environments import Skipped
from bench.peers.table import Row, format_table
from bench.peers.vectors import Vectors, compare_vectors, count_frames, count_whole

COPIES = (8, 102)  # of 49 frames each: about 400, and 5,000
HANG_S = 300


def measure(job: Job) -> Iterator[Figure]:
    tables = []
    with _two_cores():
        broken = dict(_try_broken(job))
        for copies in job.size(COPIES, COPIES[:1]):
            rows, frames = yield from _measure_size(job, copies)
            for row in rows:
                row.broken = broken.get((row.name, row.precision), "")
            tables.append(format_table(frames, rows))
            (job.out / "peers.md").write_text("\n".join(tables))
    print("\n".join(tables), flush=True)


def _measure_size(job: Job, copies: int) -> Generator[Figure, None, tuple[list[Row], int]]:
    clips = corpus.write_clips(job.out, copies)
    rows: list[Row] = []
    wanted: Vectors = {}
    rates: dict[str, float] = {}
    frames = 0
    for number, peer in enumerate(PEERS):
        row = Row(peer.name, peer.precision)
        rows.append(row)
        folder = job.scratch / f"{copies}-{number}"
        try:
            run = contest.run_peer(peer, job.out, folder, clips, limit_s=HANG_S * copies / 8)
        except Skipped as why:
            row.skipped = str(why)
            print(f"{peer.name}: skipped: {why}", flush=True)
            continue
        wanted = wanted or run.vectors
        frames = frames or count_frames(run.vectors)
        _fill(row, run, wanted)
        if peer.script == "run_clip_video_encode.py":
            swapped = _compare_swapped(job, folder, clips[:8], run)
            row.note = f"{row.note} ({swapped:.4f} to blue for red)".strip()
        yield from _name_figures(row, frames)
        rates[f"{peer.name}, {peer.precision}"] = row.whole
    yield from _compare_rates(rates, frames)
    return rows, frames


def _fill(row: Row, run: Run, wanted: Vectors) -> None:
    made = count_frames(run.vectors)
    if run.ran.status or not made:
        print(run.ran.out[-2000:], run.ran.err[-4000:], file=sys.stderr)
    if not made:
        row.skipped = "hung, and was stopped" if run.ran.status is None else "it left no vectors"
        return
    row.whole, row.memory = made / run.ran.seconds, run.ran.together
    row.warm = made / run.warm_s if run.warm_s else math.nan
    row.cosine = compare_vectors(run.vectors, wanted)
    whole = count_whole(run.vectors, wanted)
    if whole < len(wanted):
        row.note = f"({whole} of {len(wanted)} clips)"
    if run.ran.status:
        row.note = f"{row.note} (status {run.ran.status})".strip()


def _compare_swapped(job: Job, folder: Path, clips: list[Path], run: Run) -> float:
    """The cosine to the loop with channels swapped, over one copy of each clip."""
    swapped = contest.run_peer(FLOOR, job.out, folder / "swapped", clips, swapped=True)
    return compare_vectors(run.vectors, swapped.vectors)


def _name_figures(row: Row, frames: int) -> Iterator[Figure]:
    name = f"{frames} frames, {row.name}, {row.precision}"
    if not row.skipped:
        yield Figure("peers", f"{name}, start-up included", row.whole, "frames/s")
        yield Figure("peers", f"{name}, once warm", row.warm, "frames/s")
        yield Figure("peers", f"{name}, peak memory", row.memory, "MB")
        yield Figure("peers", f"{name}, cosine to the loop {row.note}".strip(), row.cosine, "")


def _compare_rates(rates: dict[str, float], frames: int) -> Iterator[Figure]:
    ours = rates.get("reelflow, bf16", math.nan)
    for name, rate in rates.items():
        if not name.startswith("reelflow"):
            least = 2.5 if name.startswith("clip-video-encode") else 1.0
            what = f"{frames} frames, reelflow in bf16 by {name}, start-up included"
            yield Figure("peers", what, ours / rate, "×", least=least)


def _try_broken(job: Job) -> Iterator[tuple[tuple[str, str], str]]:
    """What became of eight whole clips and a broken one in their midst, by peer."""
    clips = corpus.write_clips(job.out, 1)
    whole = contest.run_peer(FLOOR, job.out, job.scratch / "whole", clips).vectors
    mixed = [*clips[:4], corpus.break_clip(clips[0], job.scratch / "broken"), *clips[4:]]
    tried: dict[str, str] = {}
    for number, peer in enumerate(PEERS):
        if peer.name not in tried:  # the precision changes nothing of this
            folder = job.scratch / f"broken-{number}"
            with suppress(Skipped):
                run = contest.run_peer(peer, job.out, folder, mixed, limit_s=HANG_S)
                kept = f"{count_whole(run.vectors, whole)} of {len(clips)} clips"
                tried[peer.name] = f"{kept}; {contest.describe_end(run, corpus.BROKEN)}"
                print(f"{peer.name}, with a broken file: {tried[peer.name]}", flush=True)
        yield (peer.name, peer.precision), tried.get(peer.name, "")


@contextmanager
def _two_cores() -> Iterator[None]:
    """Whatever is started keeps to two cores, however many there are."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[: contest.CORES])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
