"""What a pass did to a clip: its distance to the start and to the pass before, its motion."""

from dataclasses import dataclass

import numpy as np

MAX_PSNR = 100.0  # in dB, of equal clips as well: means must stay finite
SSIM_SIGMA, SSIM_SIZE = 1.5, 11  # Wang et al. 2004
SSIM_C1, SSIM_C2 = 0.01**2, 0.03**2
LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # BT.601


@dataclass(frozen=True, slots=True)
class Drift:
    """The figures of one pass of one clip, of float32 pixels from 0 to 1.

    `psnr_*` in dB, at most `MAX_PSNR`; `ssim_*` the mean over frames and channels; `flicker` the
    mean |x_t - x_{t-1}|, None for one frame; `laplacian` the variance of the luma's Laplacian, and
    `laplacian_ratio` that over the start's; `colour_shift` the distance of the mean colours and
    `contrast_shift` that of the deviations; `change` the root mean square of what the pass
    changed, as a share of the clip's own.
    """

    psnr_start: float
    ssim_start: float
    psnr_previous: float
    ssim_previous: float
    flicker: float | None
    laplacian: float
    laplacian_ratio: float
    colour_shift: float
    contrast_shift: float
    change: float


@dataclass(frozen=True, slots=True)
class Look:
    """What of a clip alone enters into figures: see `Drift`; `power` is its mean square."""

    mean: np.ndarray
    deviation: np.ndarray
    flicker: float | None
    laplacian: float
    power: float


def describe_look(clip: np.ndarray) -> Look:
    """The look of a clip (T, H, W, 3), computed frame by frame in float64."""
    import cv2

    total, squares, steps, energy = np.zeros(3), np.zeros(3), 0.0, 0.0
    before: np.ndarray | None = None
    for frame in clip:
        # In one order of pixels: the last bits of sums, and so of no change at all, depend on it.
        wide = frame.astype(np.float64, order="C")
        total, squares = total + wide.sum((0, 1)), squares + (wide**2).sum((0, 1))
        steps += 0.0 if before is None else float(np.abs(wide - before).sum())
        energy += float(cv2.Laplacian(frame @ LUMA, cv2.CV_32F).var(dtype=np.float64))
        before = wide
    pixels = clip.shape[0] * clip.shape[1] * clip.shape[2]
    mean = total / pixels
    deviation = np.sqrt((squares / pixels - mean**2).clip(min=0))
    flicker = steps / (clip[1:].size) if len(clip) > 1 else None
    power = float(squares.sum()) / clip.size
    return Look(mean, deviation, flicker, energy / len(clip), power)


def measure_drift(clip: np.ndarray, before: np.ndarray, start: np.ndarray, first: Look) -> Drift:
    """The figures of a clip after a pass, given the pass before, the start, and its look."""
    look = describe_look(clip)
    to_start, to_before = _mean_square(clip, start), _mean_square(clip, before)
    return Drift(
        _to_psnr(to_start), compute_ssim(clip, start),
        _to_psnr(to_before), compute_ssim(clip, before),
        look.flicker, look.laplacian,
        # Of two flat clips neither has lost anything.
        look.laplacian / first.laplacian if first.laplacian else 1.0,
        float(np.linalg.norm(look.mean - first.mean)),
        float(np.linalg.norm(look.deviation - first.deviation)),
        float(np.sqrt(to_before / look.power)) if look.power else float(to_before > 0),
    )  # fmt: skip


def compute_ssim(one: np.ndarray, other: np.ndarray) -> float:
    """The structural similarity of two clips (T, H, W, 3) from 0 to 1 (Wang et al. 2004).

    Of colours, by a Gaussian of 11 pixels and deviation 1.5, without the border that it does not
    cover; smaller frames are mirrored. The mean over all frames.
    """
    return float(np.mean([_compare_frames(a, b) for a, b in zip(one, other, strict=True)]))


def _compare_frames(one: np.ndarray, other: np.ndarray) -> float:
    import cv2

    def blur(picture: np.ndarray) -> np.ndarray:
        return cv2.GaussianBlur(picture, (SSIM_SIZE, SSIM_SIZE), SSIM_SIGMA)

    a, b = one.astype(np.float64), other.astype(np.float64)
    mean_a, mean_b = blur(a), blur(b)
    product = mean_a * mean_b
    squares = mean_a**2 + mean_b**2
    spread = blur(a * a) + blur(b * b) - squares
    covariance = blur(a * b) - product
    quality = (2 * product + SSIM_C1) * (2 * covariance + SSIM_C2)
    quality /= (squares + SSIM_C1) * (spread + SSIM_C2)
    edge = SSIM_SIZE // 2
    inner = quality[edge:-edge, edge:-edge] if min(a.shape[:2]) > SSIM_SIZE else quality
    return float(inner.mean())


def _mean_square(one: np.ndarray, other: np.ndarray) -> float:
    pairs = zip(one, other, strict=True)
    return float(sum(((a.astype(np.float64) - b) ** 2).sum() for a, b in pairs)) / one.size


def _to_psnr(square: float) -> float:
    return min(MAX_PSNR, -10 * float(np.log10(square))) if square else MAX_PSNR
