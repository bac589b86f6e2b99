"""Backgrounds: what is hidden by those who stand there, and what is painted over it."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import inpainting, zeroscope

from data.errors import UserError
from engines.evaluate.benchmarks.msrvtt_personalization.annotations import CutOut
from engines.evaluate.benchmarks.msrvtt_personalization.background import (
    Inpainter,
    build_inpaint_mask,
)

SIZE = (40, 30)


def cut(frame: int, box: tuple[int, int, int, int], mask: np.ndarray) -> CutOut:
    return CutOut("man", f"frame{frame}.jpg", False, box, mask)


def test_masks_of_the_second_frame_grow_and_have_no_holes() -> None:
    ring = np.ones((14, 14), bool)
    ring[1:13, 1:13] = False
    found = build_inpaint_mask(
        [cut(2, (10, 8, 24, 22), ring), cut(1, (0, 0, 4, 4), np.ones((4, 4)))], SIZE
    )
    # A square of 4 x 4 reaches 1 to the left and up, 2 to the right and down; three times.
    expected = np.zeros((30, 40), bool)
    expected[8 - 3 : 22 + 6, 10 - 3 : 24 + 6] = True
    assert found.dtype == bool
    assert np.array_equal(found, expected)


def test_nobody_hides_nothing() -> None:
    assert not build_inpaint_mask([], SIZE).any()


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A small random Stable Diffusion for inpainting, as diffusers saves it."""
    folder = str(tmp_path_factory.mktemp("inpainting"))
    inpainting.save_pipeline(folder)
    return folder


def test_what_is_hidden_is_painted_and_all_else_stays(pipeline: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    seen = np.repeat(np.repeat(rng.integers(0, 256, (5, 5, 3), np.uint8), 8, 0), 8, 1)
    Image.fromarray(seen).save(tmp_path / "frame2.jpg")
    where = np.zeros((40, 40), bool)
    where[8:24, 8:24] = True
    painter = Inpainter(
        pipeline, side=64, options={"num_inference_steps": 2, "guidance_scale": 12.0}
    )
    painter.load()
    painter.paint(tmp_path, where)
    first = (tmp_path / "background.jpg").read_bytes()
    frame = np.asarray(Image.open(tmp_path / "frame2.jpg")).astype(int)
    found = np.asarray(Image.open(tmp_path / "background.jpg")).astype(int)
    assert found.shape == frame.shape
    assert np.abs(found - frame)[:, 32:].mean() < 6  # JPEG's own loss
    assert np.abs(found - frame)[where].mean() > 20
    painter.paint(tmp_path, ~where)
    painter.paint(tmp_path, where)
    assert (tmp_path / "background.jpg").read_bytes() == first


def test_what_paints_no_backgrounds_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no pipeline"):
        Inpainter(str(tmp_path)).load()
    zeroscope.pipeline().save_pretrained(tmp_path / "other")
    with pytest.raises(UserError, match="StableDiffusionInpaintPipeline"):
        Inpainter(str(tmp_path / "other")).load()
