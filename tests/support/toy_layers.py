"""Names and shapes of layers in published checkpoints, and random weights for them."""

from collections.abc import Iterator

import torch
from torch import Tensor

Shapes = dict[str, tuple[int, ...]]


def linear(name: str, out: int, into: int) -> Shapes:
    return {f"{name}.weight": (out, into), f"{name}.bias": (out,)}


def norm(name: str, width: int) -> Shapes:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def conv(name: str, out: int, into: int, side: int) -> Shapes:
    return {f"{name}.weight": (out, into, side, side), f"{name}.bias": (out,)}


def mlp(name: str, *widths: int) -> Shapes:
    layers = [linear(f"{name}.layers.{n}", out, widths[n]) for n, out in enumerate(widths[1:])]
    return {key: shape for layer in layers for key, shape in layer.items()}


def fill_weights(shapes: Shapes, seed: int, scale: float = 0.1) -> dict[str, Tensor]:
    """Random weights: norms near 1, position indices counting up, the rest small noise."""
    draw = torch.Generator().manual_seed(seed)

    def weights() -> Iterator[tuple[str, Tensor]]:
        for name, shape in shapes.items():
            noise = torch.randn(shape, generator=draw) * scale
            if name.endswith(("position_index", "position_ids")):
                noise = torch.arange(noise.numel()).view(shape)
            unit = len(shape) == 1 and name.endswith("weight")
            yield name, noise + 1 if unit else noise

    return dict(weights())
