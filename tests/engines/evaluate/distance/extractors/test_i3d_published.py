"""I3D's published figures, where its weights are: REELFLOW_TEST_I3D names the file."""

import os

import numpy as np
import pytest

from data.specs.distance import ClipSpec
from engines.embed.weights import digest_file
from engines.evaluate.distance.extractor import build_extractor
from engines.evaluate.distance.frechet import compute_frechet

FILE = os.environ.get("REELFLOW_TEST_I3D", "")

pytestmark = [
    pytest.mark.weights,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not FILE, reason="REELFLOW_TEST_I3D names no weights of I3D"),
]


@pytest.mark.parametrize(("frames", "expected"), [(10, 569.2), (30, 151.3)])
def test_black_against_white(frames: int, expected: float) -> None:
    """Sets without variance: the term of the means alone."""
    model = build_extractor(ClipSpec(weights=FILE, sha256=digest_file(FILE), frames=frames))
    model.load()
    black, white = (
        np.repeat(model(np.full((1, frames, 64, 64, 3), value, np.uint8)), 2, axis=0)
        for value in (0, 255)
    )
    assert compute_frechet(black, white).total == pytest.approx(expected, abs=0.2)
