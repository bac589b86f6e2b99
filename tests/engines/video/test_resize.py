import numpy as np
import pytest

from engines.video.frames import Resize
from engines.video.resize import compute_scaled_size, resize_pictures

SHAPES = [(240, 426), (426, 240), (97, 131), (64, 64), (31, 500), (225, 224), (7, 5), (448, 448)]


def reference(pictures, spec):
    open_clip = pytest.importorskip("open_clip")
    from PIL import Image

    transform = open_clip.transform.image_transform(
        spec.size,
        is_train=False,
        mean=(0.0,) * 3,
        std=(1.0,) * 3,
        resize_mode=spec.mode,
        interpolation=spec.interpolation,
        fill_color=spec.fill,
    )
    return np.stack([np.rint(transform(Image.fromarray(p)).numpy() * 255) for p in pictures])


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("mode", ["shortest", "squash", "longest"])
@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
def test_it_is_open_clips_preprocess(shape, mode, interpolation):
    pictures = np.random.default_rng(0).integers(0, 256, (2, *shape, 3), np.uint8)
    spec = Resize(96, mode, interpolation, fill=9)
    ours = resize_pictures(pictures, spec)
    assert ours.shape == (2, 3, 96, 96) and ours.dtype == np.uint8
    apart = np.abs(ours - reference(pictures, spec))
    assert apart.max() <= 2 and (apart > 1).mean() < 1e-4


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("mode", ["shortest", "squash", "longest"])
def test_it_makes_pictures_that_are_not_square(shape, mode):
    height, width = compute_scaled_size(*shape, Resize(48, mode, width=80))
    pictures = np.random.default_rng(0).integers(0, 256, (2, *shape, 3), np.uint8)
    assert resize_pictures(pictures, Resize(48, mode, width=80)).shape == (2, 3, 48, 80)
    match mode:
        case "shortest":
            assert height >= 48 and width >= 80 and (height == 48 or width == 80)
        case "longest":
            assert height <= 48 and width <= 80 and (height == 48 or width == 80)
    if mode != "squash":
        assert abs(height / shape[0] - width / shape[1]) < 1 / min(shape)


def test_a_wide_crop_is_of_the_centre():
    pictures = np.zeros((1, 60, 40, 3), np.uint8)
    pictures[:, 20:40] = 200
    assert (resize_pictures(pictures, Resize(20, width=40)) == 200).all()


def test_a_picture_of_the_right_size_is_left_as_it_is():
    pictures = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), np.uint8)
    assert np.array_equal(resize_pictures(pictures, Resize(64)), pictures.transpose(0, 3, 1, 2))
