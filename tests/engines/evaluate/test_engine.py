"""The evaluator on real small files: whatever one video is like, the others are measured."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support import golden

from data.outcome import Done, Failed, Outcome
from data.runs.evaluations import GroundTruthRef, Target
from data.specs.evaluate import EvaluateSpec
from engines.evaluate import engine
from engines.evaluate.engine import Evaluator, VideoScores, find_missing_weights
from engines.evaluate.protocol import MissingReference, Sample, Score
from engines.video.decoders import pyav
from engines.video.frames import Sampling
from engines.worker import WorkerSetup
from tasks.evaluate.ground_truth import add_reference, digest_ground_truths

FRAMES = 8


@pytest.fixture(scope="module")
def evaluator() -> Iterator[Evaluator]:
    spec = EvaluateSpec(metrics=("temporal_consistency", "dynamic_degree"), num_frames=FRAMES)
    made = Evaluator(spec, WorkerSetup())
    made.load()
    yield made
    made.close()


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(golden.clip(tmp_path_factory.mktemp("good") / "good.mp4", frames=20, fps=8))


def target(id: str, path: str | Path) -> Target:
    return Target(id, id, "m", str(path), "")


def outcomes(evaluator: Evaluator, *targets: Target) -> dict[str, Outcome[VideoScores]]:
    return {outcome.id: outcome for outcome in evaluator.run(targets)}


def consistency(path: str, count: int) -> float:
    """The formula as it is written, in double precision."""
    (part,) = pyav.decode_frames(path, Sampling(1, first=count), None)
    pixels = part.pixels.astype(np.float64)
    return 1 - np.abs(np.diff(pixels, axis=0)).mean() / 255


def test_a_video_is_compared_with_the_real_one_that_its_row_names(
    good: str, tmp_path: Path
) -> None:
    made = Evaluator(EvaluateSpec(metrics=("flow_agreement",), num_frames=FRAMES), WorkerSetup())
    made.load()
    longer = golden.clip(tmp_path / "longer.mp4", frames=40, fps=8, size=(192, 128))
    named = {"same": good, "longer": longer.name, "gone": str(tmp_path / "gone.mp4"), "none": ""}
    targets = [
        add_reference(
            replace(target(id, good), asked={"reference": name}), str(tmp_path / "prompts.jsonl")
        )
        for id, name in named.items()
    ]  # fmt: skip
    assert targets[1].truth == GroundTruthRef("video", str(longer), targets[1].truth.clip)
    digests = digest_ground_truths(targets)
    assert digests.keys() == {"same", "longer", "gone"} and digests["same"] != digests["longer"]
    try:
        scores = {o.id: o.value.scores["flow_agreement"] for o in made.run(targets)}
    finally:
        made.close()
    assert scores["same"].value == pytest.approx(1)
    assert scores["longer"].value is not None, "decoded at the size of the video that is scored"
    assert scores["gone"].value is None and "cannot be read" in scores["gone"].reason
    assert scores["none"].value is None and "reference" in scores["none"].reason


def test_a_video_is_measured_on_its_first_frames_at_its_own_size(evaluator, good: str) -> None:
    found = outcomes(evaluator, target("a", good))["a"]
    assert isinstance(found, Done)
    seen = found.value
    assert (seen.frames, seen.fps, seen.width, seen.height) == (FRAMES, 8.0, 96, 64)
    value = seen.scores["temporal_consistency"].value
    assert value == pytest.approx(consistency(good, FRAMES), abs=1e-12)
    assert "dynamic_degree" not in seen.scores  # no weights


def test_what_cannot_be_read_is_an_outcome_and_costs_the_others_nothing(
    evaluator, good: str, tmp_path: Path
) -> None:
    bad = {
        "broken": tmp_path / "broken.mp4",
        "html": golden.html(tmp_path / "html.mp4"),
        "folder": tmp_path,
        "gone": tmp_path / ".." / "gone.mp4",
        "empty": golden.zero_bytes(tmp_path / "empty.mp4"),
        "short": golden.clip(tmp_path / "short.mp4", frames=3),
    }
    bad["broken"].write_bytes(Path(good).read_bytes()[:700])
    many = [target("first", good), *(target(id, path) for id, path in bad.items())]
    found = outcomes(evaluator, *many, target("last", good))
    assert list(found) == ["first", *bad, "last"]
    reasons = {id: found[id].reason for id in bad}
    assert reasons == {
        "broken": "undecodable", "html": "undecodable", "folder": "undecodable",
        "gone": "missing", "empty": "empty", "short": "rejected",
    }  # fmt: skip
    assert "--num-frames 3" in found["short"].detail
    assert found["first"].value == found["last"].value
    assert found["first"].value == outcomes(evaluator, target("alone", good))["alone"].value


def test_one_frame_is_measured_by_what_can_and_the_rest_say_why(tmp_path: Path) -> None:
    made = Evaluator(EvaluateSpec(num_frames=None), WorkerSetup())
    made.load()
    still = golden.clip(tmp_path / "still.mp4", frames=1, fps=1)
    found = outcomes(made, target("still", still))["still"]
    made.close()
    assert found.value.frames == 1
    score = found.value.scores["temporal_consistency"]
    assert score.value is None and "one frame" in score.reason


def test_frames_of_more_than_the_bound_are_too_long(evaluator, good: str, monkeypatch) -> None:
    monkeypatch.setattr(engine, "MAX_BYTES", 3 * 96 * 64 * 3)
    found = outcomes(evaluator, target("a", good))["a"]
    assert isinstance(found, Failed)
    assert found.reason == "too_long" and "--num-frames" in found.detail


class Says:
    """A metric that gives or raises what it is told to."""

    better: Mapping[str, str] = {"told": "higher", "also": "higher"}

    def __init__(self, said: Mapping[str, Score] | Exception) -> None:
        self.said = said

    def score(self, video: Sample) -> Mapping[str, Score]:
        if isinstance(self.said, Exception):
            raise self.said
        return self.said


def told(evaluator: Evaluator, good: str, said: Mapping[str, Score] | Exception):
    before, evaluator.metrics = evaluator.metrics, {"told": Says(said)}
    try:
        return outcomes(evaluator, target("a", good))["a"]
    finally:
        evaluator.metrics = before


def test_a_score_that_is_no_number_is_unmeasured(evaluator, good: str) -> None:
    parts = {"cat": Score(math.inf), "dog": Score(0.5, "seen")}
    found = told(evaluator, good, {"told": Score(math.nan, "x", parts), "also": Score(1.0)})
    assert found.value.scores == {
        "told": Score(
            None, "not a number", {"cat": Score(None, "not a number"), "dog": Score(0.5, "seen")}
        ),
        "also": Score(1.0),
    }


def test_what_is_missing_leaves_all_scores_of_the_metric_unmeasured(evaluator, good: str) -> None:
    found = told(evaluator, good, MissingReference("no face embeddings"))
    assert found.value.scores == dict.fromkeys(("told", "also"), Score(None, "no face embeddings"))


def test_no_memory_is_a_reason_and_any_other_error_the_programs(evaluator, good: str) -> None:
    import torch

    for error in (MemoryError(), torch.OutOfMemoryError("CUDA out of memory")):
        found = told(evaluator, good, error)
        assert isinstance(found, Failed)
        assert found.reason == "out_of_memory" and "96x64" in found.detail
    with pytest.raises(ZeroDivisionError):
        told(evaluator, good, ZeroDivisionError())


def test_a_metric_without_weights_says_what_fetches_them() -> None:
    spec = EvaluateSpec(metrics=("temporal_consistency", "dynamic_degree"))
    (why,) = find_missing_weights(spec).values()
    assert "raft-things.pth" in why


class Harms:
    """What a pickle would run where anybody unpickled it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return Path.touch, (self.path,)


def test_sidecars_that_are_missing_or_bad_cost_their_own_video_its_score_alone(
    good: str, tmp_path: Path
) -> None:
    import torch
    from support import toy_models

    weights = toy_models.write_small(tmp_path / "weights")
    spec = EvaluateSpec(metrics=("arcface_similarity",), num_frames=2, weights=weights)
    made = Evaluator(spec, WorkerSetup())
    made.load()
    dim, harm = made.models.get("arcface").dim, tmp_path / "harm"
    known = {
        "good": torch.ones(2, dim), "nan": torch.full((1, dim), math.nan),
        "none": torch.ones(0, dim), "narrow": torch.ones(1, 3), "evil": Harms(harm),
    }  # fmt: skip
    for name, content in known.items():
        torch.save(content, tmp_path / f"{name}.face_embeddings.pt")
    some = [
        Target(n, n, "m", good, "", truth=GroundTruthRef("sidecars", str(tmp_path / n), n))
        for n in (*known, "absent")
    ]
    found = {o.id: o.value.scores["arcface_similarity"] for o in made.run(some)}
    made.close()
    assert found["good"].value is not None
    assert all(found[n].value is None and found[n].reason for n in found if n != "good")
    assert "not finite" in found["nan"].reason
    assert "face_embeddings.pt" in found["absent"].reason
    assert "face_embeddings.pt" in found["evil"].reason and not harm.exists()
