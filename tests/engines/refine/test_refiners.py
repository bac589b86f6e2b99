"""What every refiner promises, on a clip of noise; those whose weights are absent are skipped."""

import numpy as np
import pytest

from data.errors import UserError
from data.specs.refine import RefineSpec
from engines.base import list_plugins
from engines.refine.plugins import build_refiner
from engines.refine.protocol import Windows

NEED_MODELS = {"sdedit", "fuse"}  # with a folder of their own, tested where they are


@pytest.mark.parametrize("name", sorted(set(list_plugins("refine.refiners")) - NEED_MODELS))
def test_a_refiner_gives_the_same_bits_and_changes_nothing_in_place(name: str) -> None:
    refiner = build_refiner(RefineSpec(refiner=name))
    refiner.load()
    low, high = refiner.shape.values
    frames = refiner.shape.frames or 4
    height, width = refiner.shape.size or (64, 64)
    rng = np.random.default_rng(0)
    noise = rng.uniform(low, high, (2, frames, height, width, 3)).astype(np.float32)
    holes = rng.random(noise.shape[:-1]) < 0.1
    windows = Windows(noise.copy(), holes, (1, 2))
    first, second = refiner.refine(windows), refiner.refine(windows)
    assert first.shape == noise.shape and first.dtype == np.float32
    assert np.isfinite(first).all()
    assert np.array_equal(first, second)
    assert np.array_equal(windows.frames, noise)


def test_an_unknown_option_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(UserError, match="identity: option blur"):
        build_refiner(RefineSpec(refiner="identity", options={"blur": 2}))
