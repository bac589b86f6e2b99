"""Evaluations in a store as the evaluator leaves them, of small real videos, quickly."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from data.runs.evaluations import Leak, Mean, MethodResult, Summary
from data.runs.published import BENCHMARK, LABELS
from data.specs.evaluate import EvaluateSpec
from data.store import layout, tables
from data.store.storage import Store
from engines.evaluate.statistics import estimate_mean
from support import golden
from support.generated import CONTENT

SUBJECT = ("text_clip_similarity", "subject_dino_similarity", "temporal_consistency")
Score = Callable[[str, str, str], float | None]


def score(method: str, clip: str, metric: str) -> float | None:
    """A value that hangs on all three."""
    return 0.5 + (hash_of(method, clip, metric) % 400) / 1000


def hash_of(*said: str) -> int:
    return sum(n * ord(c) for n, c in enumerate("/".join(said), start=1))


@dataclass
class Wanted:
    """What `evaluation_in` writes; `fails` and `reasons` by method and clip."""

    methods: Sequence[str] = ("Alpha", "Beta")
    clips: Sequence[str] = ("cat", "dog", "owl")
    metrics: Sequence[str] = SUBJECT
    id: str = "aaaa00000001"
    mode: str | None = "subject"
    benchmark: str | None = BENCHMARK
    made: str = "2026-01-02T00:00:00+00:00"
    source: str = "videos"
    spec: dict[str, Any] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    score: Score = score
    better: dict[str, str] = field(default_factory=dict)
    fails: dict[tuple[str, str], str] = field(default_factory=dict)
    reasons: dict[tuple[str, str], str] = field(default_factory=dict)
    parts: dict[str, float] = field(default_factory=dict)
    leaks: tuple[Leak, ...] | None = None
    videos: int | None = None  # where as many are to be claimed
    of_a_run: bool = False  # videos are named as requests are, which are the clips
    prompt: Callable[[str], str] = "a {} that moves".format


def clips_in(folder: Path, methods: Sequence[str], clips: Sequence[str]) -> Path:
    """Clips as a miniature has them: a folder each, with real videos and an image."""
    import cv2

    for clip in clips:
        golden.clip(folder / clip / "ground_truth.mp4", frames=6)
        cv2.imwrite(str(folder / clip / "conditioning.jpg"), golden.picture(3))
        for method in methods:
            golden.clip(folder / clip / f"{method}.mp4", frames=4, size=(64, 64))
    return folder


def evaluation_in(store: Store, folder: Path, **wanted: Any) -> Summary:
    """Writes an evaluation of `<folder>/<clip>/<method>.mp4`, whether these are there or not."""
    said = Wanted(**wanted)
    videos = [_video(said, folder, m, c) for m in said.methods for c in said.clips]
    scores = [row for video in videos if not video["reason"] for row in _scores(said, video)]
    spec = EvaluateSpec(metrics=tuple(said.metrics), **said.spec)
    shown = spec.model_dump(mode="json", exclude={"weights": True, "clip": {"weights"}})
    summary = Summary(
        said.id, said.made, said.source, said.benchmark, said.mode, shown,
        dict.fromkeys(said.metrics, "1"), said.digests,
        tuple(_result(said, method, videos, scores) for method in said.methods),
        "bank" if said.leaks is not None else None, said.leaks,
    )  # fmt: skip
    at = layout.evaluation_folder(said.id)
    tables.write_rows(store, f"{at}/scores.parquet", tables.MEASURES, scores)
    tables.write_rows(store, f"{at}/videos.parquet", tables.EVALUATED_VIDEOS, videos)
    store.write(f"{at}/summary.json", json.dumps(asdict(summary)).encode())
    return summary


def _video(said: Wanted, folder: Path, method: str, clip: str) -> dict[str, Any]:
    detail = said.fails.get((method, clip))
    shape = {} if detail else {"frames": 4, "fps": 25.0, "width": 64, "height": 64}
    row = dict.fromkeys(tables.EVALUATED_VIDEOS.names) | shape
    file = f"{clip}.mp4" if said.of_a_run else f"{clip}/{method}.mp4"
    content = "ab"
    if said.of_a_run:
        content = CONTENT
    elif (folder / file).exists():
        content = hashlib.sha256((folder / file).read_bytes()).hexdigest()
    return row | {
        "id": clip if said.of_a_run else file, "clip": clip, "method": method, "content": content,
        "uri": str(folder / file), "prompt": said.prompt(clip),
        "reason": detail and "undecodable", "detail": detail,
    }  # fmt: skip


def _scores(said: Wanted, video: dict[str, Any]) -> list[dict[str, Any]]:
    whole = {name: video[name] for name in ("id", "clip", "method")}
    reason = said.reasons.get((video["method"], video["clip"]))
    rows = []
    for metric in said.metrics:
        if metric in said.absent:
            continue
        value = said.score(video["method"], video["clip"], metric)
        row = whole | {"metric": metric, "subject": None, "value": value, "reason": reason}
        parts = said.parts if metric == "subject_dino_similarity" else {}
        rows += [row, *(row | {"subject": tag, "value": each} for tag, each in parts.items())]
    return rows


def _result(said: Wanted, method: str, videos: list, scores: list) -> MethodResult:
    mine = [video for video in videos if video["method"] == method]
    failed = sum(video["reason"] is not None for video in mine)
    means = tuple(_mean(said, method, metric, scores) for metric in said.metrics
                  if metric not in said.absent)  # fmt: skip
    count = said.videos or len(mine)
    return MethodResult(method, count, failed, 0, means, said.absent, "64x64", 25.0, 4)


def _mean(said: Wanted, method: str, metric: str, scores: list) -> Mean:
    whose = (method, metric, None)
    mine = [row for row in scores if (row["method"], row["metric"], row["subject"]) == whose]
    values = [row["value"] for row in mine]
    known = [value for value in values if value is not None]
    better: Any = said.better.get(metric, "higher")
    label = LABELS.get(metric, metric.replace("_", " "))
    if not known:
        return Mean(metric, label, better, 0, len(values), None, None, None, 0)
    found = estimate_mean(np.array(known))
    left = len(values) - len(known)
    clips = len(known)
    if said.videos:
        clips = said.videos - left - sum(whose == method for whose, _ in said.fails)
    ends = found.low, found.high
    return Mean(metric, label, better, len(known), left, found.mean, *ends, clips)
