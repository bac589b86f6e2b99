from pathlib import Path

import numpy as np
import pytest
from support import golden

from data.outcome import Done, Failed
from data.runs.distances import Clip
from data.specs.distance import ClipSpec
from engines.evaluate.distance.engine import FeatureExtractor
from engines.worker import WorkerSetup

PROJECTED = ClipSpec(extractor="random_projection", frames=4, stride=2)


class Spy:
    """An extractor that says which frames it was given, and checks what they are."""

    def load(self) -> None:
        pass

    def __call__(self, clips: np.ndarray) -> np.ndarray:
        assert clips.shape == (1, 4, 64, 96, 3) and clips.dtype == np.uint8
        assert clips.flags["C_CONTIGUOUS"] and clips.min() < 50 and clips.max() > 200
        return np.array([[golden.number(frame) for frame in clips[0]]], np.float32)


@pytest.fixture
def make():
    """Makes engines that are loaded, and end with the test."""
    made = []

    def loaded(spec: ClipSpec, model=None) -> FeatureExtractor:
        found = FeatureExtractor(spec, WorkerSetup(decoders=2))
        found.model = model or found.model
        found.load()
        made.append(found)
        return found

    yield loaded
    for each in made:
        each.close()


def fake(number: int, query: str = "frames=20", start: int = 0) -> Clip:
    return Clip(f"f{number}", f"fake://{number}?{query}", f"sha256:{number:064x}", 25.0, start)


def test_the_frames_of_the_window_reach_the_extractor(make, tmp_path: Path) -> None:
    file = golden.clip(tmp_path / "a.mp4", frames=40, options={"crf": "1"})
    grey = golden.clip(tmp_path / "g.mkv", frames=9, codec="ffv1", pix_fmt="gray")
    starts = enumerate((0, 7, 33))
    clips = [Clip("a", str(file), f"sha256:{n}", 25.0, start) for n, start in starts]
    clips.append(Clip("g", str(grey), "sha256:g", 25.0, 2))
    outcomes = list(make(PROJECTED, Spy()).run(clips))
    assert [outcome.value.tolist() for outcome in outcomes] == [
        [0, 2, 4, 6], [7, 9, 11, 13], [33, 35, 37, 39], [2, 4, 6, 8],
    ]  # fmt: skip
    assert [outcome.id for outcome in outcomes] == [clip.id for clip in clips]


def test_a_rate_of_its_own_takes_the_nearest_frames(make, tmp_path: Path) -> None:
    file = golden.clip(tmp_path / "a.mp4", frames=40, fps=24, options={"crf": "1"})
    spec = ClipSpec(extractor="random_projection", frames=4, fps=8)
    (outcome,) = make(spec, Spy()).run([Clip("a", str(file), "sha256:0", 24.0, 1)])
    assert outcome.value.tolist() == [3, 6, 9, 12]


def test_one_bad_clip_costs_no_other(make, tmp_path: Path) -> None:
    clips = [fake(0), fake(1, "frames=6"), fake(2, "fault=undecodable"), fake(3, start=13), fake(4)]
    outcomes = list(make(PROJECTED).run(clips))
    reasons = [None if isinstance(o, Done) else o.reason for o in outcomes]
    assert reasons == [None, "rejected", "undecodable", None, None]
    assert [o.value.shape for o in outcomes if isinstance(o, Done)] == [(64,)] * 3


def test_a_feature_that_is_not_finite_is_refused_with_its_clip(make) -> None:
    class Broken(Spy):
        def __call__(self, clips):
            return np.array([[1.0, np.nan]], np.float32)

    (outcome,) = make(PROJECTED, Broken()).run([fake(0)])
    assert isinstance(outcome, Failed)
    assert (outcome.id, outcome.reason) == (fake(0).id, "rejected")
    assert "finite" in outcome.detail


def test_a_clip_s_feature_hangs_on_nothing_beside_it(make) -> None:
    engine, clips = make(PROJECTED), [fake(n) for n in range(5)]
    together = {o.id: o.value for o in engine.run(clips)}
    for clip in reversed(clips):
        (alone,) = engine.run([clip])
        assert (alone.value == together[clip.id]).all()
