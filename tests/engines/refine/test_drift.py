"""Drift figures against values worked out by hand, and SSIM against torchmetrics' definition."""

import numpy as np
import pytest

from engines.refine.drift import compute_ssim, describe_look, measure_drift


def test_a_shift_of_brightness_has_the_psnr_of_its_size() -> None:
    start = np.full((3, 16, 16, 3), 0.5, np.float32)
    drift = measure_drift(start + np.float32(0.1), start, start, describe_look(start))
    assert drift.psnr_start == pytest.approx(20, abs=1e-4)
    assert drift.colour_shift == pytest.approx(0.1 * 3**0.5, rel=1e-5)
    assert drift.contrast_shift == pytest.approx(0, abs=1e-6)
    assert drift.change == pytest.approx(0.1 / 0.6, rel=1e-5)
    # Of flat frames SSIM is its luminance term alone.
    expected = (2 * 0.5 * 0.6 + 1e-4) / (0.25 + 0.36 + 1e-4)
    assert drift.ssim_start == pytest.approx(expected, abs=1e-5)
    assert drift.flicker == 0 and drift.laplacian_ratio == 1


def test_flicker_is_the_mean_change_from_frame_to_frame() -> None:
    clip = np.zeros((4, 8, 8, 3), np.float32)
    clip[1::2] = 0.5
    assert describe_look(clip).flicker == pytest.approx(0.5)
    assert describe_look(clip[:1]).flicker is None


def test_ssim_is_one_of_equal_clips_and_falls_with_noise() -> None:
    rng = np.random.default_rng(0)
    clip = rng.random((2, 24, 24, 3), np.float32)
    noisy = [clip + np.float32(sd) * rng.standard_normal(clip.shape, np.float32)
             for sd in (0.05, 0.2)]  # fmt: skip
    assert compute_ssim(clip, clip) == pytest.approx(1, abs=1e-12)
    assert 1 > compute_ssim(clip, noisy[0]) > compute_ssim(clip, noisy[1]) > 0


def test_blur_lowers_the_laplacian_energy() -> None:
    import cv2

    clip = np.random.default_rng(0).random((2, 32, 32, 3), np.float32)
    soft = np.stack([cv2.GaussianBlur(frame, (0, 0), 1.5) for frame in clip])
    assert measure_drift(soft, clip, clip, describe_look(clip)).laplacian_ratio < 0.1
