"""MotionRAG's losses (motionrag.md, 3.3 and 5.2): of tensors alone, whatever the network."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

SIGMA_MEAN, SIGMA_STD = 0.7, 1.6  # of ln sigma, SVD's noise
IMAGE_MEAN, IMAGE_STD = -3.0, 0.5  # of ln sigma, the noise on the first frame


def draw_sigmas(count: int, mean: float = SIGMA_MEAN, std: float = SIGMA_STD) -> "Tensor":
    """(count,) noise levels, ln sigma ~ N(mean, std²), by torch's generator."""
    import torch

    return (mean + std * torch.randn(count)).exp()


def scale_noisy(noisy: "Tensor", sigma: "Tensor") -> "tuple[Tensor, Tensor]":
    """What an EDM network takes of x0 + sigma n (B, …): c_in x, and c_noise = ln(sigma) / 4."""
    return noisy / (_spread(sigma, noisy) ** 2 + 1).sqrt(), sigma.log() / 4


def compute_edm_loss(
    output: "Tensor", noisy: "Tensor", clean: "Tensor", sigma: "Tensor"
) -> "Tensor":
    """The mean of (1 + sigma²) / sigma² (c_skip x + c_out F - x0)², of the network's output F.

    c_skip = 1 / (sigma² + 1) and c_out = -sigma / sqrt(sigma² + 1) (Karras et al. 2022, as SVD
    parametrises v).
    """
    s = _spread(sigma, noisy)
    denoised = noisy / (s**2 + 1) - s / (s**2 + 1).sqrt() * output
    return ((1 + s**2) / s**2 * (denoised - clean) ** 2).mean()


def compute_velocity_loss(
    output: "Tensor", noisy: "Tensor", clean: "Tensor", alpha: "Tensor"
) -> "Tensor":
    """The mean of (sqrt(a) x - sqrt(1 - a) v - x0)² / (1 - a), of the network's v (CogVideoX).

    `alpha` (B,) is the cumulative product of alphas at each timestep.
    """
    a = _spread(alpha, noisy)
    predicted = a.sqrt() * noisy - (1 - a).sqrt() * output
    return ((predicted - clean) ** 2 / (1 - a)).mean()


def compute_context_loss(predicted: "Tensor", motions: "Tensor") -> "Tensor":
    """The mean over all slots, tokens and channels of (M̂ - M)², (B, K + 1, q, dim) each."""
    return ((predicted - motions) ** 2).mean()


def _spread(values: "Tensor", like: "Tensor") -> "Tensor":
    return values.to(like.device).view(-1, *[1] * (like.dim() - 1))
