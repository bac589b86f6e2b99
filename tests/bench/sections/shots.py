"""What `split` finds: cuts of a made film whose cuts are known, and of real clips joined."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from bench import footage
from bench.figures import Figure
from bench.job import Job

FPS, DISSOLVE, WITHIN = 25, 12, 2  # a second, frames of a dissolve, frames of tolerance
SIZE = (320, 180)
Join = tuple[int, int, str]  # first and last frame at which the next shot may be said to begin


def measure(job: Job) -> Iterator[Figure]:
    shots = {"made film": _draw_shots(job.size(32, 12)), "real clips": _read_shots(job.size(2, 1))}
    for film, parts in shots.items():
        if not parts:
            continue
        path = job.scratch / f"{film.replace(' ', '-')}.mp4"
        joins, frames = _write_film(parts, path)
        for method in ("scenes", "transnetv2"):
            found, seconds = _find_cuts(path, method)
            name = f"{film}, {method}"
            yield Figure("shots", f"{name}: frames looked at", frames / seconds, "frames/s")
            yield from _judge(name, found, joins)


def _draw_shots(count: int) -> list[np.ndarray]:
    """Scenes of moving shapes, (n, height, width, 3) each, of one to two seconds."""
    from engines.tiny.render import render_frames
    from engines.tiny.scene import scene_at

    lengths = np.random.default_rng(0).integers(FPS, 2 * FPS, count)
    return [
        _scale(render_frames(scene_at(7, n), np.arange(length)))
        for n, length in enumerate(lengths.tolist())
    ]


def _read_shots(rounds: int) -> list[np.ndarray]:
    """Parts of real clips in turn, so that no neighbours are of one clip."""
    import av

    clips = []
    for path in sorted(footage.REAL.glob("*.mp4")):
        with av.open(str(path)) as file:
            frames = (f.reformat(*SIZE, format="rgb24").to_ndarray() for f in file.decode(video=0))
            clips.append(np.stack([frame for n, frame in enumerate(frames) if n < 40 * rounds]))
    parts = [list(np.array_split(clip, rounds)) for clip in clips]
    return [clip[turn] for turn in range(rounds) for clip in parts]


def _scale(frames: np.ndarray) -> np.ndarray:
    import cv2

    return np.stack([cv2.resize(frame, SIZE) for frame in frames])


def _write_film(shots: Sequence[np.ndarray], path: Path) -> tuple[list[Join], int]:
    """Joins shots, by hard cuts and by dissolves in turn; the joins, and how many frames."""
    from engines.video.writing import encode_mp4

    film, joins = [shots[0]], list[Join]()
    for number, shot in enumerate(shots[1:]):
        at = sum(map(len, film))
        if number % 2:
            share = np.linspace(0, 1, DISSOLVE + 2)[1:-1, None, None, None]
            mixed = film[-1][-DISSOLVE:] * (1 - share) + shot[:DISSOLVE] * share
            film[-1] = np.concatenate([film[-1][:-DISSOLVE], mixed.astype(np.uint8)])
            joins.append((at - DISSOLVE, at, "dissolve"))
            film.append(shot[DISSOLVE:])
        else:
            joins.append((at, at, "hard cut"))
            film.append(shot)
    frames = np.concatenate(film)
    path.write_bytes(encode_mp4(frames, FPS))
    return joins, len(frames)


def _find_cuts(path: Path, method: str) -> tuple[list[int], float]:
    """The first frames of the shots that are found, and the seconds that it took."""
    from data.outcome import Done
    from data.records import Video
    from data.specs.split import SplitSpec
    from engines.split.engine import ShotSplitter
    from engines.worker import WorkerSetup

    splitter = ShotSplitter(SplitSpec(method=method, least=0.2), WorkerSetup(decoders=1))
    splitter.load()
    warm = Video("warm", str(next(iter(footage.REAL.glob("*.mp4")), path)), "")
    list(splitter.run([warm]))
    started = time.perf_counter()
    (outcome,) = splitter.run([Video(path.stem, str(path), "")])
    seconds = time.perf_counter() - started
    splitter.close()
    assert isinstance(outcome, Done), outcome
    return [round(start * FPS) for start, _ in outcome.value.spans[1:]], seconds


def _judge(name: str, found: Sequence[int], joins: Sequence[Join]) -> Iterator[Figure]:
    """Precision over all, and recall of each kind: within two frames of the transition."""
    right, hit = set[int](), {kind: list[bool]() for _, _, kind in joins}
    for first, last, kind in joins:
        near = [cut for cut in found if first - WITHIN <= cut <= last + WITHIN]
        right |= set(near[:1])  # two cuts at one join are one too many
        hit[kind].append(bool(near))
    yield Figure("shots", f"{name}: precision", len(right) / max(1, len(found)), "")
    for kind, each in hit.items():
        label = f"{name}: recall of {len(each)} {kind}s, within {WITHIN} frames"
        yield Figure("shots", label, float(np.mean(each)), "")
