"""The bundled refiners on held-out moving shapes: combinations that no training window shows."""

import numpy as np
import pytest
import torch

from data.specs.refine import RefineSpec
from engines.refine.plugins import build_refiner
from engines.refine.protocol import Windows
from engines.refine.training.windows import measure_psnr
from tasks.train.bundled_refiner import SPECS, RenderedClips

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def clean() -> np.ndarray:
    """Two clips of 8 frames at the size of the bundled text-to-video model."""
    spec = SPECS["unet"][0].model_copy(update={"crop": None})
    return RenderedClips(spec).draw(np.random.default_rng(99), 2, held_out=True)


def refine(name: str, clips: np.ndarray) -> np.ndarray:
    refiner = build_refiner(RefineSpec(refiner=name))
    refiner.load()
    low, high = refiner.shape.values
    given = Windows((clips * (high - low) + low).astype(np.float32), None, (0,) * len(clips))
    return (refiner.refine(given) - low) / (high - low)


@pytest.mark.parametrize("deviation", [0.03, 0.05])
def test_the_degrainer_gains_three_decibels(clean: np.ndarray, deviation: float) -> None:
    noise = np.random.default_rng(1).standard_normal(clean.shape, np.float32) * deviation
    noisy = (clean + noise.clip(-1.5 * deviation, 1.5 * deviation)).clip(0, 1).astype(np.float32)
    gained = measure_psnr(refine("unet", noisy), clean) - measure_psnr(noisy, clean)
    assert gained.mean() >= 3


def test_the_autoencoder_gives_back_what_it_is_given(clean: np.ndarray) -> None:
    decoded = measure_psnr(refine("vq", clean), clean)
    grey = measure_psnr(np.full_like(clean, clean.mean()), clean)
    assert decoded.mean() > 18 and (decoded > grey + 3).all()
