"""Objects of requests: one pass over a video, and to each question its own."""

import numpy as np
import pytest

from data.specs.answer import AnswerSpec
from engines.annotate.scene_graph import Found
from engines.answer.detection import SceneFinder
from engines.answer.frames import Pool, choose_places, rank_keyframes, spread_moments
from engines.answer.request import Request

DOG, CAR = Found("dog", 0.9, (0, 0, 100, 100)), Found("red car", 0.5, (500, 0, 700, 90))


@pytest.fixture
def finder():
    """A finder whose detector sees a dog everywhere and a car in the second half."""
    passes: list[tuple[int, tuple[str, ...]]] = []

    class Annotator:
        spec = None

        def detect(self, pixels: np.ndarray) -> list[Found]:
            passes.append((int(pixels[0, 0, 0]), self.spec.labels))
            seen = [DOG, CAR] if pixels[0, 0, 0] > 1 else [DOG]
            return [each for each in seen if each.label in self.spec.labels]

    def build(**fields):
        made = SceneFinder(AnswerSpec(detector="x", **fields), 1)
        made._annotator = Annotator()
        return made, passes

    return build


POOL = Pool([0.0, 1.0, 2.0, 3.0], [np.full((8, 8, 3), n, np.uint8) for n in range(4)])


def test_a_frame_is_looked_at_once_for_the_names_of_all_questions(finder) -> None:
    made, passes = finder()
    requests = {
        "a": (Request(None, ("dog",), ("number",)), [0, 2]),
        "b": (Request(None, ("dog", "red car"), ("relation",)), [2, 3]),
        "c": (Request("words", (), ()), []),
    }
    scenes = made.find_scenes("v", POOL, requests)
    assert sorted(passes) == [(n, ("dog", "red car")) for n in (0, 2, 3)]
    assert [(e.start, e.text) for e in scenes["a"]] == [
        (0.0, "In view: 1 x dog"), (2.0, "In view: 1 x dog"),
    ]  # fmt: skip
    assert [e.text for e in scenes["b"]] == ["dog is left of red car"] * 2 and scenes["c"] == ()


def test_without_a_type_the_published_rule_says_nothing(finder) -> None:
    requests = {"a": (Request(None, ("dog",)), [0])}
    assert finder(rule="published")[0].find_scenes("v", POOL, requests)["a"] == ()
    [scene] = finder()[0].find_scenes("v", POOL, requests)["a"]
    assert "Object 0 (dog)" in scene.text and scene.kind == "objects" and scene.score == 0.9


@pytest.mark.parametrize(
    ("wanted", "count", "places"),
    [
        ([], 2, [0, 9]),
        ([4.2], 1, [4]),
        ([4.2, 4.3, 4.1], 3, [0, 4, 9]),
        ([], 99, list(range(10))),
        ([1, 2, 3], 5, [0, 1, 2, 3, 9]),
        ([8, 9], 6, [0, 2, 5, 7, 8, 9]),
    ],
)
def test_frames_near_the_wanted_times_go_first(wanted, count: int, places: list[int]) -> None:
    assert choose_places([float(n) for n in range(10)], wanted, count).tolist() == places


def test_moments_share_the_frames_and_keyframes_keep_apart() -> None:
    times = spread_moments([(0.0, 10.0), (50.0, 60.0)], 4)
    assert sorted(times) == [2.5, 7.5, 52.5, 57.5] and spread_moments([], 4) == []
    seconds = np.arange(100.0)
    cosines = np.where(np.abs(seconds - 50) < 3, 0.5, 0.1)
    chosen = rank_keyframes(cosines, seconds, 4)
    assert min(np.diff(chosen)) >= 99 / 8 and any(abs(each - 50) < 3 for each in chosen)
