import numpy as np
import pytest

from data.specs.distance import ClipSpec
from engines.evaluate.distance.extractors.pixel_stats import Extractor
from engines.evaluate.distance.frechet import compute_frechet

STATS = Extractor(ClipSpec(extractor="pixel_stats"))


def noise(count: int, seed: int) -> np.ndarray:
    """Clips of 16 frames of 8 × 8; each has its own light, and moves on by its own step."""
    random = np.random.default_rng(seed)
    base = random.integers(0, 100, (count, 1, 8, 8, 3))
    step = random.integers(0, 10, (count, 1, 1, 1, 3))
    return (base + step * np.arange(16)[None, :, None, None, None]).astype(np.uint8)


def test_means_deviations_and_changes_by_channel() -> None:
    clip = np.zeros((1, 3, 2, 2, 3), np.uint8)
    clip[0, 1, ..., 0], clip[0, 2, ..., 0] = 51, 255  # red: 0, 51, 255
    clip[..., 1] = 102
    found = STATS(clip)[0]
    levels = np.array([0, 0.2, 1])
    expected = [levels.mean(), 0.4, 0, levels.std(), 0, 0, (0.2 + 0.8) / 2, 0, 0]
    np.testing.assert_allclose(found, expected, atol=1e-7)


def test_shuffling_the_frames_changes_the_changes_alone() -> None:
    clips = noise(20, 1)
    order = np.random.default_rng(0).permutation(16)
    before, after = STATS(clips), STATS(clips[:, order])
    assert (before[:, :6] == after[:, :6]).all()
    assert (after[:, 6:] > before[:, 6:]).mean() > 0.8


def test_a_distance_sees_shuffled_frames_by_their_changes_alone() -> None:
    clips = noise(60, 2)
    before, after = STATS(clips), STATS(clips[:, np.random.default_rng(0).permutation(16)])
    assert compute_frechet(before[:, :6], after[:, :6]).total == pytest.approx(0, abs=1e-10)
    apart = compute_frechet(before, after)
    expected = ((before.mean(axis=0) - after.mean(axis=0))[6:] ** 2).sum()
    assert apart.mean_term == pytest.approx(expected, rel=1e-4) and apart.total > 1e-4


def test_lighter_clips_are_away_by_their_light() -> None:
    """Adding 51 to every pixel moves three means by 0.2 and nothing else: 3 × 0.04."""
    clips = noise(60, 3)
    assert compute_frechet(STATS(clips), STATS(clips + np.uint8(0))).total == pytest.approx(
        0, abs=1e-10
    )
    dark = clips // 2
    assert compute_frechet(STATS(dark), STATS(dark + np.uint8(51))).total == pytest.approx(
        0.12, rel=1e-4
    )


def test_gaussian_noise_has_the_distance_that_its_parameters_say() -> None:
    """Means 100 and 120, deviations 10 and 20 of 255: the clips' own statistics hardly vary."""
    random = np.random.default_rng(0)
    sets = [
        random.normal(mean, sd, (40, 8, 24, 24, 3)).round().clip(0, 255).astype(np.uint8)
        for mean, sd in ((100, 10), (120, 20))
    ]
    change = 2 / np.sqrt(np.pi) * 10  # the mean |x - y| of two draws, for a deviation of 10
    expected = 3 * (20**2 + 10**2 + change**2) / 255**2
    assert compute_frechet(*(STATS(each) for each in sets)).total == pytest.approx(
        expected, rel=2e-2
    )
