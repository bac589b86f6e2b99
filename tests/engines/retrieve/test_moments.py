"""Score curves are cut where what matches begins and ends, whatever a video's scale and noise."""

from itertools import pairwise

import numpy as np
import pytest

from engines.retrieve.moments import cut_moments, smooth_curve

FPS = 5.0


def curve(*levels: tuple[int, float], noise: float = 0.01, seed: int = 0) -> np.ndarray:
    """Frames at levels, (how many, score) each, with noise."""
    steps = np.concatenate([np.full(count, level) for count, level in levels])
    return steps + np.random.default_rng(seed).normal(0, noise, len(steps))


def cut(scores: np.ndarray, fps: float = FPS, **how: float) -> list[tuple[float, float]]:
    """The moments by seconds, best first."""
    options = {"smooth_s": 1.0, "share": 0.6} | how
    found = cut_moments(np.arange(len(scores)) / fps, scores, **options)
    return [(m.start, m.end) for m in sorted(found, key=lambda m: -m.score)]


@pytest.mark.parametrize("noise", [0.0, 0.002, 0.02])
@pytest.mark.parametrize("offset", [-0.5, 0.2])
def test_a_plateau_is_cut_half_way_between_frames(noise: float, offset: float) -> None:
    scores = curve((40, offset), (15, offset + 0.3), (60, offset + 0.05), noise=noise)
    assert cut(scores)[0] == pytest.approx((7.9, 10.9), abs=0.21)


def test_what_comes_twice_is_two_moments_that_do_not_overlap() -> None:
    found = cut(curve((20, 0.0), (10, 0.3), (30, 0.0), (12, 0.29), (20, 0.0)))
    assert len(found) == 2 and found[0] == pytest.approx((3.9, 5.9), abs=0.21)
    ordered = sorted(found)
    assert all(a[1] <= b[0] for a, b in pairwise(ordered))


@pytest.mark.parametrize("duration", [None, 0.0, 0.4])
def test_the_only_frame_of_a_video_has_a_length(duration: float | None) -> None:
    (moment,) = cut_moments(
        np.array([0.0]), np.array([0.3]), smooth_s=1, share=0.6, duration=duration
    )
    assert moment.start == 0 and moment.end == (duration or 0.5)


def test_a_flat_curve_is_one_moment() -> None:
    """Noise has a peak too: it must not be cut into pieces."""
    for seed in range(20):
        assert len(cut(curve((200, 0.2), noise=0.02, seed=seed))) == 1
    assert cut(np.full(50, 0.3)) == [(0.0, 9.9)]


def test_a_moment_in_a_day_is_found() -> None:
    """One frame in ten thousand: no threshold between two classes of equal weight would do."""
    scores = curve((50_000, 0.18), (6, 0.3), (36_000, 0.2), noise=0.02)
    start, end = cut(scores, fps=1.0)[0]
    assert start == pytest.approx(50_000, abs=1) and end == pytest.approx(50_006, abs=1)


def test_two_scenes_that_both_match_are_told_apart() -> None:
    found = cut(curve((40, -0.3), (10, 0.37), (20, 0.3), (40, -0.3)))
    assert found[0] == pytest.approx((7.9, 9.9), abs=0.21) and len(found) == 2


def test_a_single_frame_that_matches_by_chance_is_no_moment() -> None:
    scores = curve((40, 0.0), (12, 0.3), (40, 0.0))
    scores[10] = 0.35
    assert [round(start) for start, _ in cut(scores)] == [8]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_short_videos_are_one_moment_to_their_end(count: int) -> None:
    ((start, end),) = cut(curve((count, 0.3), noise=0.0), duration=count / FPS)
    assert start == 0.0 and end == pytest.approx(count / FPS, abs=0.11) and end > start
    assert not cut(np.array([]))


def test_frames_need_not_be_evenly_spaced() -> None:
    seconds = np.array([0, 1, 2, 10, 11, 12, 13, 30, 31, 32.0])
    scores = np.array([0, 0, 0, 0.3, 0.3, 0.3, 0.3, 0, 0, 0.0])
    best = max(cut_moments(seconds, scores, smooth_s=1, share=0.6), key=lambda m: m.score)
    assert (best.start, best.end) == (6.0, 21.5)


def test_smoothing_keeps_where_levels_change() -> None:
    scores = np.repeat([0.0, 1.0, 0.0], 10)
    smooth = smooth_curve(np.arange(30) / FPS, scores, 1.0)
    assert np.array_equal(smooth, scores)
