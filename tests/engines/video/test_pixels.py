from fractions import Fraction

import numpy as np
import pytest
from support import golden

from engines.video.frames import DecodeError, Sampling
from engines.video.pixels import compute_display_size, to_rgb
from engines.video.video_file import VideoFile

COLOURS = [(200, 30, 40), (30, 180, 60), (40, 50, 200), (250, 250, 250), (5, 5, 5)]


def pictures(path):
    video = VideoFile(str(path))
    return [to_rgb(frame, video.aspect) for _, _, frame in video.decode_sampled(Sampling(10))]


@pytest.mark.parametrize(
    ("matrix", "undo"),
    [
        (golden.CLOCKWISE, lambda p: np.rot90(p, 1)),
        (golden.ANTICLOCKWISE, lambda p: np.rot90(p, -1)),
        (golden.UPSIDE_DOWN, lambda p: np.rot90(p, 2)),
        (golden.MIRRORED, lambda p: p[:, ::-1]),
    ],
)
def test_the_display_matrix_is_applied(tmp_path, matrix, undo):
    def draw(number, size):
        return np.ascontiguousarray(undo(golden.picture(number, (96, 64))))

    size = draw(0, None).shape[1::-1]
    path = golden.turned(tmp_path / "turned.mp4", matrix, size=size, draw=draw)
    found = pictures(path)
    assert {p.shape for p in found} == {(64, 96, 3)}
    assert [golden.number(p) for p in found] == [0, 10, 20, 30, 40]


@pytest.mark.parametrize(
    ("aspect", "shape"), [(Fraction(2), (64, 192, 3)), (Fraction(1, 2), (128, 96, 3))]
)
def test_the_sample_aspect_ratio_stretches_the_picture(tmp_path, aspect, shape):
    found = pictures(golden.clip(tmp_path / "aspect.mp4", aspect=aspect))
    assert {p.shape for p in found} == {shape}
    assert [golden.number(p) for p in found] == [0, 10, 20, 30, 40]


def test_an_absurd_aspect_ratio_is_not_believed():
    assert compute_display_size(96, 64, Fraction(1000)) == (96, 64)
    assert compute_display_size(96, 64, None) == (96, 64)
    assert compute_display_size(96, 64, Fraction(0)) == (96, 64)


def test_a_monstrous_picture_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("engines.video.container.MAX_PIXELS", 96 * 64 - 1)
    with pytest.raises(DecodeError, match="megapixels"):
        pictures(golden.clip(tmp_path / "large.mp4"))


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv420p10le"])
@pytest.mark.parametrize("matrix", [1, 5])  # bt709, bt601
@pytest.mark.parametrize("range_", [1, 2])  # limited, full
def test_colours_follow_the_tagged_matrix_and_range(tmp_path, matrix, range_, pix_fmt):
    def draw(number, size):
        return np.full((*size[::-1], 3), COLOURS[number], np.uint8)

    tags = {"colorspace": matrix, "color_range": range_}
    path = tmp_path / "colours.mp4"
    options = {"qp": "1", "g": "1"}
    golden.clip(path, len(COLOURS), options=options, tags=tags, pix_fmt=pix_fmt, draw=draw)
    video = VideoFile(str(path))
    for (_, _, frame), colour in zip(video.decode_sampled(Sampling(1)), COLOURS, strict=True):
        assert (frame.colorspace, frame.color_range) == (matrix, range_)
        assert np.abs(to_rgb(frame, video.aspect)[32, 48].astype(int) - colour).max() <= 3


@pytest.mark.parametrize("how", [{}, {"pix_fmt": "yuv420p10le"}, {"pix_fmt": "yuv444p"}])
def test_ordinary_files_look_as_pyavs_to_image(tmp_path, how):
    import av

    path = golden.clip(tmp_path / "plain.mp4", **how)
    with av.open(str(path)) as container:
        plain = [np.asarray(f.to_image()) for f in container.decode(video=0)]
    assert all(np.array_equal(a, b) for a, b in zip(pictures(path), plain[::10], strict=True))
