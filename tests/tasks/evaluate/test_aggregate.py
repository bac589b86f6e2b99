"""Means, counts and intervals of rows, whoever made them and in whatever order they came."""

import math
import random

import numpy as np
import pytest

from data.runs.evaluation_plans import Evaluation
from data.specs.evaluate import EvaluateSpec
from engines.evaluate.statistics import estimate_mean
from tasks.evaluate.aggregate import sort_rows, summarize_methods

METRIC = "temporal_consistency"


def asked(**changes: object) -> Evaluation:
    usual = {"source": "s", "benchmark": None, "mode": None, "spec": EvaluateSpec(),
             "targets": (), "versions": {METRIC: "1"}, "digests": {}}  # fmt: skip
    return Evaluation(**usual | changes)


def video(method: str, clip: str, **said: object) -> dict:
    usual = {"reason": None, "frames": 16, "fps": 8.0, "width": 64, "height": 48}
    return {"id": clip, "clip": clip, "method": method} | usual | said


def measure(method: str, clip: str, value: float | None, subject: str | None = None) -> dict:
    return {"id": clip, "clip": clip, "method": method, "metric": METRIC, "subject": subject,
            "value": value, "reason": None if value is not None else "why"}  # fmt: skip


def test_a_mean_is_the_exact_sum_of_what_could_be_measured_in_any_order_of_rows() -> None:
    values = {f"{n:03d}": 10.0 ** random.Random(n).randint(-9, 9) for n in range(50)}
    videos = [video("A", clip) for clip in values]
    measures = [measure("A", clip, value) for clip, value in values.items()]
    found = []
    for seed in range(3):
        random.Random(seed).shuffle(measures)
        found.append(summarize_methods(asked(), sort_rows(videos), sort_rows(measures)))
    assert found[0] == found[1] == found[2]
    (result,) = found[0]
    (mean,) = result.means
    assert mean.mean == math.fsum(values.values()) / 50
    around = estimate_mean(np.array(list(values.values())))
    assert (mean.low, mean.high) == (around.low, around.high)
    assert (mean.metric, mean.label, mean.better, mean.n) == (METRIC, "T-Cons", "higher", 50)


def test_videos_of_one_clip_are_one_unit_and_few_clips_have_no_interval() -> None:
    def mean_of(clips: int, samples: int):
        each = [(f"{clip:03d}", s) for clip in range(clips) for s in range(samples)]
        videos = [video("A", clip) | {"id": f"{clip}-{s}"} for clip, s in each]
        rows = [measure("A", clip, 0.1 * int(clip)) | {"id": f"{clip}-{s}"} for clip, s in each]
        (result,) = summarize_methods(asked(), sort_rows(videos), sort_rows(rows))
        return result.means[0]

    once, often, few = mean_of(12, 1), mean_of(12, 4), mean_of(7, 4)
    assert (once.n, once.clips, often.n, often.clips) == (12, 12, 48, 12)
    assert (often.low, often.high) == pytest.approx((once.low, once.high))
    assert (few.n, few.clips, few.low, few.high) == (28, 7, None, None)


def test_every_video_of_a_method_is_in_one_of_its_counts() -> None:
    videos = [
        video("A", "a"), video("A", "b", fps=4.0), video("B", "a", frames=3),
        video("A", "c", reason="undecodable", frames=None, fps=None, width=None, height=None),
    ]  # fmt: skip
    measures = [
        measure("A", "a", 0.5), measure("A", "a", 0.1, "cat"), measure("A", "b", None),
        measure("B", "a", None),
    ]  # fmt: skip
    question = asked(dropped={"A": 2}, absent={"dynamic_degree": "no weights"})
    first, second = summarize_methods(question, sort_rows(videos), sort_rows(measures))
    (mean,) = first.means
    assert (first.method, first.videos, first.failed, first.dropped) == ("A", 5, 1, 2)
    assert (mean.n, mean.clips, mean.unmeasured, mean.mean) == (1, 1, 1, 0.5)
    assert (first.size, first.fps, first.frames) == ("64x48", None, 16)
    assert first.absent == {"dynamic_degree": "no weights"}
    (mean,) = second.means
    assert (mean.n, mean.unmeasured, mean.mean, mean.low, mean.high) == (0, 1, None, None, None)
    assert (second.size, second.fps, second.frames) == ("64x48", 8.0, 3)


@pytest.mark.parametrize(
    ("field", "other"),
    [("spec", EvaluateSpec(num_frames=8)), ("versions", {METRIC: "2"}), ("mode", "face"),
     ("digests", {"clip": "ab"}), ("dropped", {"A": 1}), ("benchmark", "b")],
)  # fmt: skip
def test_an_evaluation_is_another_where_a_figure_could_be(field: str, other: object) -> None:
    assert asked(**{field: other}).fingerprint != asked().fingerprint


def test_an_evaluation_is_the_same_wherever_files_lie() -> None:
    weights = EvaluateSpec(weights={"raft": "/a/raft-things.pth"})
    assert asked(spec=weights, source="/elsewhere").fingerprint == asked().fingerprint


def test_the_scores_of_one_metric_are_told_apart_in_words() -> None:
    (result,) = summarize_methods(
        asked(versions={"dynamic_degree_dis": "1", "moving_shapes": "1"}), [video("A", "a")], []
    )
    assert [mean.label for mean in result.means] == [
        "Dynamic degree by DIS", "Dynamic degree by DIS, flow",
        "Moving shapes, motion", "Moving shapes, appearance",
    ]  # fmt: skip
