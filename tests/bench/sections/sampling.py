"""What cheaper sampling costs in quality: neighbours that stay, and frames of video a second."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from bench.figures import Figure
from bench.job import Job
from support.paths import REAL_CLIPS

NEIGHBOURS = 10
SAMPLINGS: dict[str, dict[str, object]] = {
    "every frame": {"every_nth": 1},
    "every 25th": {"every_nth": 25},
    "2 a second": {"fps": 2.0},
    "keyframes": {"keyframes": True},
    "adaptive 0.02": {"adaptive": 0.02},
    "adaptive 0.005": {"adaptive": 0.005},
    "adaptive 0.001": {"adaptive": 0.001},
}


def measure(job: Job) -> Iterator[Figure]:
    corpora = {
        "moving shapes": (_list_shapes(job, job.size(120, 40)), "reelflow-tiny"),
        "real clips": (_list_spans(job.size(30, 20)), "tags"),
    }
    for corpus, (uris, model) in corpora.items():
        if len(uris) <= NEIGHBOURS:
            continue
        dense = None
        for name, how in SAMPLINGS.items():
            pooled, frames, rate = _embed(uris, model, how)
            near = _find_nearest(pooled)
            dense = near if dense is None else dense
            shared = [len(set(a) & set(b)) for a, b in zip(near, dense, strict=True)]
            label = f"{len(uris)} {corpus}, {name}"
            yield Figure("sampling", f"{label}: embedded", frames / len(uris), "frames/video")
            yield Figure("sampling", f"{label}: videos a second", rate, "videos/s")
            overlap = float(np.mean(shared)) / NEIGHBOURS
            yield Figure("sampling", f"{label}: overlap@{NEIGHBOURS} with every frame", overlap, "")


def _list_shapes(job: Job, count: int) -> list[str]:
    from engines.tiny.corpus import clip_name, write_corpus

    folder = job.out / "shapes-sampling"
    write_corpus(folder, count, seed=3)
    return [str(folder / "videos" / f"{clip_name(3, n)}.mp4") for n in range(count)]


def _list_spans(count: int) -> list[str]:
    """Spans of two seconds of real files, no two the same."""
    from engines.files.time_span import TimeSpan, add_span
    from engines.video.probe import probe_video

    spans: list[str] = []
    files: Sequence[Path] = sorted(REAL_CLIPS.glob("**/*.mp4"))
    for file in files:
        seconds = probe_video(str(file)).duration or 0.0
        starts = np.arange(0.0, max(1.0, seconds - 1.9), 2.0)
        spans += [add_span(str(file), TimeSpan(s, min(s + 2.0, seconds))) for s in starts.tolist()]
    return [spans[n] for n in np.linspace(0, len(spans) - 1, min(count, len(spans)), dtype=int)]


def _embed(
    uris: Sequence[str], model: str, how: dict[str, object]
) -> tuple[np.ndarray, int, float]:
    """Pooled vectors (n, dim), frames embedded, and videos a second once the model is warm."""
    from data.outcome import Done
    from data.records import Video
    from data.specs.pipeline import EmbedSpec
    from engines.base import load_plugin
    from engines.embed.engine import EmbedSetup, VideoEmbedder

    named = {"engine": "tags"} if model == "tags" else {"model": model, "precision": "fp32"}
    spec = EmbedSpec.model_validate({"every_nth": None} | named | how)
    embedder = VideoEmbedder(spec, EmbedSetup(decoders=1, threads=1))
    embedder.load()
    videos = [Video(str(n), uri, "") for n, uri in enumerate(uris)]
    list(embedder.run(videos[:1]))
    started = time.perf_counter()
    outcomes = {o.id: o for o in embedder.run(videos)}
    seconds = time.perf_counter() - started
    embedder.close()
    found = [outcome.value for v in videos if isinstance(outcome := outcomes[v.id], Done)]
    assert len(found) == len(videos), next(o for o in outcomes.values() if not isinstance(o, Done))
    pool = load_plugin("pool.methods", "mean").pool
    pooled = np.stack([pool(each.vector.astype(np.float32)) for each in found])
    return pooled, sum(len(each.frame) for each in found), len(videos) / seconds


def _find_nearest(pooled: np.ndarray) -> np.ndarray:
    """The ten nearest others of each row, best first."""
    unit = pooled / np.linalg.norm(pooled, axis=1, keepdims=True)
    scores = unit @ unit.T
    np.fill_diagonal(scores, -np.inf)
    return np.argsort(-scores, axis=1)[:, :NEIGHBOURS]
