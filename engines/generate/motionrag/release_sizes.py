"""MotionRAG's networks in the sizes of a file's weights; what is missing is as published."""

from collections.abc import Mapping
from statistics import mode
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from engines.nets.motion_context import MotionContext
    from engines.nets.perceiver import PerceiverResampler

    State = Mapping[str, Tensor]

HEAD_DIM = 64  # of all attentions of the release; shapes do not tell
SEEN = 1024  # width of what DINOv2-large gives
DIM, QUERIES, INNER, DEPTH = 1024, 25, 768, 4
APPEARANCE = "condition_proj."
DIMS = (("latents", 2), ("proj_in.weight", 0), ("proj_out.bias", 0), ("norm_out.weight", 0),
        ("norm_out.bias", 0))  # fmt: skip


def read_dim(state: "State") -> int:
    """The width of a resampler's tokens."""
    return _read_size(state, DIM, *DIMS)


def build_resampler(state: "State") -> "PerceiverResampler":
    """A resampler with random weights of the file's sizes."""
    from engines.nets.perceiver import PerceiverResampler

    depth = _count_layers(state, "layers.")
    inner = [(f"layers.{n}.0.to_q.weight", 0) for n in range(depth)]
    inner += [(f"layers.{n}.0.to_out.weight", 1) for n in range(depth)]
    width = _read_size(state, INNER, *inner)
    heads = max(1, width // HEAD_DIM)
    return PerceiverResampler(
        _read_size(state, SEEN, ("proj_in.weight", 1)), read_dim(state),
        queries=_read_size(state, QUERIES, ("latents", 1)), depth=depth, heads=heads,
        head_dim=width // heads,
    )  # fmt: skip


def build_context(state: "State") -> "MotionContext":
    """A context transformer with random weights of the file's sizes."""
    from engines.nets.motion_context import MotionContext

    inner = {k.removeprefix(APPEARANCE): v for k, v in state.items() if k.startswith(APPEARANCE)}
    resampler = build_resampler(inner)
    _, queries, dim = resampler.latents.shape
    layers = _count_layers(state, "transformer.layers.")
    heads = dim // HEAD_DIM if dim % HEAD_DIM == 0 else 1
    return MotionContext(resampler, dim, queries=queries, layers=layers, heads=heads)


def _read_size(state: "State", usual: int, *places: tuple[str, int]) -> int:
    """The size that most of these weights have on their axes; the usual one if there are none.

    So one that is misshapen or missing is named by loading, and not all others.
    """
    sizes = [
        state[name].shape[axis] for name, axis in places
        if name in state and axis < state[name].ndim
    ]  # fmt: skip
    return mode(sizes) if sizes else usual


def _count_layers(state: "State", prefix: str) -> int:
    """How many layers have a weight: one of which some are missing counts as well."""
    names = (name.removeprefix(prefix) for name in state if name.startswith(prefix))
    return len({name.split(".")[0] for name in names}) or DEPTH
