"""Moments of long videos: what is found of known ones, beside whole videos and their middles."""

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from bench import footage
from bench.figures import Figure
from bench.films import Query, Span, write_real_films, write_shape_films
from bench.job import Job
from support.paths import REAL_CLIPS

QUERIES = Path(__file__).parents[1] / "queries.json"
IOU, PLACES, RESAMPLES = 0.5, 5, 2000
SCENES, SEED, ROUNDS = 8, 7, 5


def measure(job: Job) -> Iterator[Figure]:
    from data.specs.models import SHAPES
    from data.specs.pipeline import EmbedSpec

    folder = job.scratch / "shape-films"
    queries = write_shape_films(folder, job.size(27, 13), SCENES, SEED)
    spec = EmbedSpec(model=SHAPES, precision="fp32", every_nth=None, fps=5)
    yield from _measure(job, "shapes", folder, queries, spec, least=0.8)
    clips = sorted([*footage.REAL.glob("*.mp4"), *(REAL_CLIPS / "formats").glob("*.*")])
    if clips:
        texts = json.loads(QUERIES.read_text())
        folder = job.scratch / "real-films"
        queries = write_real_films(folder, clips, texts, job.size(ROUNDS, 1), SEED)
        spec = EmbedSpec(engine="tags", every_nth=None, fps=2)
        yield from _measure(job, "real", folder, queries, spec)


def _measure(
    job: Job, name: str, folder: Path, queries: Sequence[Query], spec: Any,
    least: float | None = None,
) -> Iterator[Figure]:  # fmt: skip
    lengths = _index(job.scratch / f"{name}-store", folder, spec)
    yield Figure("moments", f"{name}: queries", len(queries), "")
    yield Figure("moments", f"{name}: films", len(lengths), "")
    yield Figure("moments", f"{name}: mean film", float(np.mean(list(lengths.values()))), "s")
    moments, videos = _search(queries, True), _search(queries, False)
    lasts = np.mean([span.end - span.start for query in queries for span in query.right])
    whole = [[Span(each.film, 0.0, lengths[each.film]) for each in some] for some in videos]
    middle = [[_find_middle(each, float(lasts)) for each in some] for some in whole]
    for how, answers in (("moments", moments), ("whole videos", whole), ("middles", middle)):
        target = least if how == "moments" else None
        yield from _judge(f"{name}, {how}", queries, answers, target)


def _index(root: Path, folder: Path, spec: Any) -> dict[str, float]:
    """Indexes the films and their frames; the seconds of each."""
    from data.settings import Settings
    from data.specs.pipeline import IndexSpec
    from data.workspace import open_workspace
    from flows.pipeline import pipeline

    os.environ |= {"REELFLOW_ROOT": str(root), "REELFLOW_RUNNER": "in_process"}
    pipeline("films", str(folder), embed_spec=spec, index_spec=IndexSpec(gate=0), index_frames=True)
    with open_workspace(Settings()).open_catalog() as catalog:
        return dict(catalog.execute("SELECT id, duration FROM videos WHERE reason IS NULL"))


def _search(queries: Sequence[Query], moments: bool) -> list[list[Span]]:
    """The best five answers to each query, the best first."""
    from data.records import Prompt
    from data.settings import Settings
    from data.specs.retrieve import RetrieveSpec
    from data.workspace import open_workspace
    from tasks.retrieve.retriever import Retriever

    prompts = [
        Prompt(
            str(n), query.text, where=" OR ".join(f"id = '{film}'" for film in query.films) or None
        )
        for n, query in enumerate(queries)
    ]
    spec = RetrieveSpec(k=PLACES, moments=moments, dedup=1.01)
    answers: dict[str, list[Span]] = {prompt.id: [] for prompt in prompts}
    for hit in Retriever(open_workspace(Settings()), "films").search_prompts(prompts, spec):
        span = Span(hit.video_id, hit.start_sec or 0.0, hit.end_sec or 0.0)
        answers[hit.prompt_id].append(span)
    return list(answers.values())


def _find_middle(film: Span, seconds: float) -> Span:
    """The middle of a film, as long as a moment is on average."""
    centre = film.end / 2
    return Span(film.film, max(0.0, centre - seconds / 2), min(film.end, centre + seconds / 2))


def _judge(
    name: str, queries: Sequence[Query], answers: Sequence[Sequence[Span]], least: float | None
) -> Iterator[Figure]:
    overlaps = [
        [max(_compute_iou(answer, right) for right in query.right) for answer in some] or [0.0]
        for query, some in zip(queries, answers, strict=True)
    ]
    first = np.array([each[0] for each in overlaps])
    units = [query.unit for query in queries]
    found = np.array([max(each) >= IOU for each in overlaps], float)
    yield from _interval(f"{name}: R@1 at IoU {IOU}", (first >= IOU).astype(float), units, least)
    yield from _interval(f"{name}: R@{PLACES} at IoU {IOU}", found, units)
    yield from _interval(f"{name}: mean IoU of the first", first, units)


def _interval(
    name: str, values: np.ndarray, units: Sequence[str], least: float | None = None
) -> Iterator[Figure]:
    """The mean and its 95 % interval, by resampling units: queries of one clip are alike."""
    rng, names = np.random.default_rng(0), sorted(set(units))
    groups = [values[[each == name for each in units]] for name in names]
    draws = rng.integers(len(groups), size=(RESAMPLES, len(groups)))
    sums, counts = (np.array([f(group) for group in groups]) for f in (np.sum, len))
    means = sums[draws].sum(axis=1) / counts[draws].sum(axis=1)
    low, high = np.percentile(means, (2.5, 97.5))
    yield Figure("moments", name, float(values.mean()), "", least=least)
    yield Figure("moments", f"{name}, 95 % from", float(low), "")
    yield Figure("moments", f"{name}, 95 % to", float(high), "")


def _compute_iou(one: Span, other: Span) -> float:
    """Intersection over union in time; 0 for spans of two films."""
    if one.film != other.film:
        return 0.0
    shared = max(0.0, min(one.end, other.end) - max(one.start, other.start))
    return shared / ((one.end - one.start) + (other.end - other.start) - shared)
