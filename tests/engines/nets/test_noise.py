"""What denoisers learn to predict, beside a transcription in float64."""

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler

from data.errors import UserError
from engines.nets.noise import find_target

STEPS = torch.tensor([0, 300, 999])


def of(kind: str) -> DDIMScheduler:
    return DDIMScheduler(
        prediction_type=kind, beta_schedule="scaled_linear", rescale_betas_zero_snr=True
    )


def test_the_target_is_what_the_scheduler_says() -> None:
    """Velocity is sqrt(a) e - sqrt(1 - a) x, with a the share of signal left (2202.00512)."""
    torch.manual_seed(0)
    clean, noise = torch.randn(2, 3, 4, 2, 5, 5)
    assert find_target(of("epsilon"), clean, noise, STEPS) is noise
    left = of("v_prediction").alphas_cumprod[STEPS].double().numpy().reshape(-1, 1, 1, 1, 1)
    assert left[-1] == 0
    wanted = np.sqrt(left) * noise.double().numpy() - np.sqrt(1 - left) * clean.double().numpy()
    made = find_target(of("v_prediction"), clean, noise, STEPS).numpy()
    np.testing.assert_allclose(made, wanted, atol=1e-6)


def test_another_kind_of_prediction_is_refused() -> None:
    with pytest.raises(UserError, match="prediction_type sample"):
        find_target(of("sample"), torch.ones(3), torch.ones(3), STEPS)
