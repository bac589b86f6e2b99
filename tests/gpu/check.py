"""What a check is: an engine with random weights, made once and run in two places."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import numpy as np

Outputs = Mapping[str, np.ndarray]
Run = Callable[[], Outputs]  # the same outputs each time
Load = Callable[[], Run]  # loads the engine where it is called


class LeftOut(Exception):
    """A check cannot run here; the message says what is missing."""


@dataclass(frozen=True)
class Check:
    """`make(folder, full)` writes weights, of the published sizes if `full`, and says how to load.

    The largest relative distance |a - b| / |b| of its outputs may be `tolerance`. One that only
    `runs` is too large for a CPU: its outputs must be finite and not all the same.
    """

    name: str
    make: Callable[[Path, bool], Load]
    tolerance: float = 1e-3
    only_runs: bool = False


@contextmanager
def placed(place: str) -> Iterator[None]:
    """`cuda`, `cpu`, or `plain`, the CPU without oneDNN's kernels, for the block."""
    import torch
    from accelerate.state import AcceleratorState

    torch.set_num_threads(os.cpu_count() or 1 if torch.cuda.is_available() else 1)
    AcceleratorState._reset_state(reset_partial_state=True)  # it remembers where it was
    # What engines ask is what is answered.
    with (
        mock.patch("torch.cuda.is_available", return_value=place == "cuda"),
        torch.backends.mkldnn.flags(enabled=place != "plain"),
    ):
        yield


def measure_distance(found: np.ndarray, expected: np.ndarray) -> float:
    """|found - expected| / |expected| in L2; a ValueError unless both are finite and not zero."""
    if found.shape != expected.shape:
        raise ValueError(f"shapes {found.shape} and {expected.shape}")
    a, b = (each.astype(np.float64) for each in (found, expected))
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError("NaN or infinite numbers")
    if not b.any():
        raise ValueError("nothing but zeros")
    return float(np.linalg.norm(a - b) / np.linalg.norm(b))
