"""The canary clips decode to exactly the pixels they were made of."""

from pathlib import Path

import av
import numpy as np

from engines.tiny.canary import SIZES, draw_planes
from engines.tiny.corpus import write_canary


def test_decoding_gives_the_planes_back(tmp_path: Path) -> None:
    """Lossless, so that any difference is the decoder's or the model's."""
    files = write_canary(tmp_path)
    assert len(files) == len(SIZES) == 3
    for number, (file, size) in enumerate(zip(files, SIZES, strict=True)):
        with av.open(str(file)) as container:
            shown = np.stack([frame.to_ndarray() for frame in container.decode(video=0)])
        np.testing.assert_array_equal(shown, draw_planes(number, *size))


def test_swapping_red_and_blue_changes_a_canary_a_lot(tmp_path: Path) -> None:
    """Colour order is among what a canary is there to notice."""
    for file in write_canary(tmp_path):
        with av.open(str(file)) as container:
            shown = next(container.decode(video=0)).to_ndarray(format="rgb24").astype(int)
        assert np.abs(shown - shown[..., ::-1]).mean() > 40


def test_one_canary_is_not_square() -> None:
    """A resize that takes no notice of the aspect ratio is noticed."""
    assert any(height != width for height, width in SIZES)
    assert len(set(SIZES)) == 3
