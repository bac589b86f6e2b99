"""Noise for training: drawn on the CPU, so that a seed gives the same numbers on any device."""

import torch
from torch import Tensor


def draw_noise(like: Tensor) -> Tensor:
    """Normal noise in the shape, in the dtype and on the device of a tensor."""
    return torch.randn(like.shape, dtype=like.dtype).to(like.device)


def draw_order(count: int, device: torch.device) -> Tensor:
    """(count,) a random order of the first numbers."""
    return torch.randperm(count).to(device)
