"""Copies agree in time whatever was done to them; the same frames in another order do not."""

import numpy as np
import pytest

from engines.dedup.alignment import MAX_FRAMES, Frames, align_frames, thin_frames

RANDOM = np.random.default_rng(0)
SCENES = RANDOM.standard_normal((40, 32))  # what is seen at each 2 s


def film(seconds: np.ndarray, *, speed: float = 1.0, start: float = 0.0) -> Frames:
    """Frames at these seconds of a film whose scenes pass into each other."""
    at = (seconds * speed + start) / 2
    before = np.floor(at).astype(int)
    mixed = (1 - (at - before))[:, None] * SCENES[before] + (at - before)[:, None] * SCENES[
        before + 1
    ]
    return thin_frames(seconds, mixed)


WHOLE = film(np.arange(0, 30, 1.0))


@pytest.mark.parametrize(
    ("copy", "speed", "offset"),
    [
        pytest.param(film(np.arange(0, 30, 1.0)), 1.0, 0.0, id="same"),
        pytest.param(film(np.arange(0.4, 30, 0.7)), 1.0, 0.0, id="other frames"),
        pytest.param(film(np.arange(0, 20, 1.0), start=6.3), 1.0, -6.3, id="trimmed"),
        pytest.param(film(np.arange(0, 24, 1.0), speed=1.25), 0.8, 0.0, id="sped up"),
        pytest.param(film(np.arange(0, 37, 1.0), speed=0.8), 1.25, 0.0, id="slowed down"),
        pytest.param(film(np.arange(0, 28.8, 1.0), speed=25 / 24), 24 / 25, 0.0, id="PAL"),
    ],
)
def test_a_copy_agrees_at_its_speed_and_offset(copy: Frames, speed: float, offset: float) -> None:
    found = align_frames(WHOLE, copy)
    assert found is not None and found.score > 0.97
    assert found.speed == pytest.approx(speed, abs=0.03)
    assert found.offset == pytest.approx(offset, abs=0.5)
    at = found.first[1] * found.speed + found.offset
    assert at == pytest.approx(found.second[1], abs=1e-3)


def test_the_same_frames_in_another_order_are_no_copy() -> None:
    backwards = Frames(WHOLE.seconds, WHOLE.vectors[::-1].copy())
    order = RANDOM.permutation(len(WHOLE.seconds))
    shuffled = Frames(WHOLE.seconds, WHOLE.vectors[order])
    for other in (backwards, shuffled):
        found = align_frames(WHOLE, other)
        assert found is not None and found.score < 0.9


def test_swapping_the_videos_swaps_the_alignment() -> None:
    copy = film(np.arange(0, 16, 1.0), speed=1.25, start=5)
    one, other = align_frames(WHOLE, copy), align_frames(copy, WHOLE)
    assert one is not None and other is not None
    assert (one.score, one.first, one.second) == (other.score, other.second, other.first)
    assert one.speed * other.speed == pytest.approx(1)


def test_pictures_that_hardly_move_are_aligned_at_their_own_speed() -> None:
    still = np.repeat(SCENES[:1], 6, axis=0) + 0.001 * RANDOM.standard_normal((6, 32))
    one, other = thin_frames(np.arange(6.0), still), thin_frames(np.arange(5.0), still[1:])
    found = align_frames(one, other)
    assert found is not None and found.speed == 1.0 and found.score > 0.999


def test_single_frames_are_compared_and_nothing_is_aligned_with_none() -> None:
    picture, other = film(np.array([4.0])), film(np.array([20.0]))
    assert align_frames(picture, picture).score == pytest.approx(1)  # type: ignore[union-attr]
    assert align_frames(picture, other).score < 0.9  # type: ignore[union-attr]
    assert align_frames(picture, WHOLE).score > 0.97  # type: ignore[union-attr]
    nothing = thin_frames(np.arange(3.0), np.array([[0.0] * 32, [np.nan] * 32, [np.inf] * 32]))
    assert align_frames(nothing, WHOLE) is None and align_frames(WHOLE, nothing) is None


def test_of_a_long_video_some_frames_from_end_to_end_are_compared() -> None:
    thinned = thin_frames(np.arange(5000.0), RANDOM.standard_normal((5000, 8)))
    assert len(thinned.seconds) == MAX_FRAMES
    assert (thinned.seconds[0], thinned.seconds[-1]) == (0, 4999)
    assert np.linalg.norm(thinned.vectors, axis=1) == pytest.approx(1, abs=1e-5)
