"""What a scene may show, and where its shape may go."""

from collections import Counter

import numpy as np
import pytest

from engines.tiny.scene import COMBINATIONS, FPS, HELD_OUT, MOTIONS, TRAINED, scene_at, trace_path


def test_every_cycle_shows_every_combination_once() -> None:
    """2,000 videos hold at least six of each combination, whatever the seed."""
    shown = Counter(scene_at(3, index).combination for index in range(2000))
    assert set(shown) == set(COMBINATIONS)
    assert min(shown.values()) >= 6


def test_a_scene_follows_from_seed_and_index_alone() -> None:
    """The same clip in any corpus size or order; another seed is another clip."""
    assert scene_at(0, 500) == scene_at(0, 500)
    assert scene_at(0, 500) != scene_at(1, 500)


def test_about_fifteen_percent_of_the_combinations_are_held_out() -> None:
    """The split covers all, overlaps nowhere, and hides no attribute or pair of them entirely."""
    assert 0.12 < len(HELD_OUT) / len(COMBINATIONS) < 0.18
    assert HELD_OUT.isdisjoint(TRAINED)
    assert HELD_OUT | set(TRAINED) == set(COMBINATIONS)
    for pair in ((0, 1), (0, 2), (1, 2)):
        assert len({tuple(c[i] for i in pair) for c in TRAINED}) == 36


@pytest.mark.parametrize("motion", MOTIONS)
def test_the_shape_stays_in_view_and_moves_as_named(motion: str) -> None:
    """No frame cuts a shape off, and one-way motions go one way."""
    scenes = [scene for i in range(300) if (scene := scene_at(0, i)).motion == motion]
    for scene in scenes:
        at = trace_path(scene, np.arange(scene.frames) / FPS)
        assert at.min() >= scene.radius
        assert at.max() <= 1 - scene.radius
        travelled = at[-1] - at[0]
        if motion in ("left", "right"):
            assert travelled[0] * (1 if motion == "right" else -1) > 0.15
        if motion in ("up", "down"):
            assert travelled[1] * (1 if motion == "down" else -1) > 0.15


def test_fast_is_plainly_faster_than_slow() -> None:
    """Each motion's slowest fast clip outruns its fastest slow one."""
    pace: dict[tuple[str, str], list[float]] = {}
    for scene in (scene_at(0, index) for index in range(300)):
        at = trace_path(scene, np.arange(scene.frames) / FPS)
        step = float(np.median(np.linalg.norm(np.diff(at, axis=0), axis=1)))
        pace.setdefault((scene.motion, scene.speed), []).append(step)
    for motion in MOTIONS:
        assert min(pace[motion, "fast"]) > 1.5 * max(pace[motion, "slow"])
