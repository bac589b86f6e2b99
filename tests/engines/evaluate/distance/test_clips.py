import numpy as np
import pytest
import torch

from data.errors import UserError
from data.specs.distance import ClipSpec
from engines.evaluate.distance.clips import (
    assemble_clip,
    count_starts,
    describe_resize,
    plan_sampling,
    resize_clip,
)
from engines.video.frames import Frames

DIRECT, SHORT = ClipSpec(), ClipSpec(resize="short")


def noise(frames: int, height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (frames, height, width, 3), dtype=np.uint8)


def decoded(seconds, first: int = 0) -> Frames:
    """Frames at these times; each has its number as its colour."""
    index = np.arange(first, first + len(seconds))
    pixels = np.broadcast_to(index[:, None, None, None], (len(index), 3, 2, 4)).astype(np.uint8)
    return Frames(index, np.asarray(seconds, float), pixels)


@pytest.mark.parametrize("height", [8, 16])
def test_channels_stay_channels_and_time_stays_time(height: int) -> None:
    """The layout canary: read in the wrong order, channel 0 would say 0, 1, 2, 3."""
    t, c = np.arange(6)[:, None], np.arange(3)[None]
    clip = np.broadcast_to((3 * t + c)[:, None, None, :], (6, height, 8, 3)).astype(np.uint8)
    found = resize_clip(clip, 8, DIRECT)
    assert found.shape == (1, 3, 6, 8, 8) and found.dtype == torch.float32
    assert found.is_contiguous()
    for channel in range(3):
        assert found[0, channel].amin(dim=(1, 2)).tolist() == [channel + 3 * k for k in range(6)]
        assert found[0, channel].amax(dim=(1, 2)).tolist() == [channel + 3 * k for k in range(6)]


@pytest.mark.parametrize("spec", [DIRECT, SHORT, ClipSpec(antialias=True)])
def test_pictures_of_the_size_pass_unchanged(spec: ClipSpec) -> None:
    clip = noise(2, 224, 224)
    assert (resize_clip(clip, 224, spec)[0].permute(1, 2, 3, 0).numpy() == clip).all()


def test_black_and_white_stay_what_they_are() -> None:
    for value in (0, 255):
        clip = np.full((2, 30, 50, 3), value, np.uint8)
        for spec in (DIRECT, SHORT, ClipSpec(antialias=True)):
            # Weights of a filter add up to one within the last bits.
            assert (resize_clip(clip, 16, spec) - value).abs().max() <= 1e-4


def test_small_pictures_grow_between_the_centres_of_pixels() -> None:
    checker = np.array([[0, 100], [200, 40]], np.uint8)
    clip = np.repeat(checker[None, :, :, None], 3, axis=3)
    grown = resize_clip(clip, 4, DIRECT)[0, 0, 0].numpy()
    share = np.array([0, 0.25, 0.75, 1])  # of the second pixel
    rows = (1 - share)[:, None] * checker[0] + share[:, None] * checker[1].astype(float)
    expected = (1 - share) * rows[:, :1] + share * rows[:, 1:]
    np.testing.assert_allclose(grown, expected, atol=1e-5)


def test_without_antialias_a_shrunk_picture_is_sampled_at_points() -> None:
    """At half the size each pixel is the mean of two by two; at a quarter, of the middle four."""
    clip = noise(1, 32, 32)
    quarter = resize_clip(clip, 8, DIRECT)[0, :, 0].permute(1, 2, 0).numpy()
    corners = [clip[0, y::4, x::4].astype(float) for y in (1, 2) for x in (1, 2)]
    np.testing.assert_allclose(quarter, sum(corners) / 4, atol=1e-4)
    assert (resize_clip(clip, 8, ClipSpec(antialias=True))[0, :, 0].permute(1, 2, 0).numpy()
            - quarter).std() > 5  # fmt: skip


def test_direct_squashes_and_short_crops_the_centre() -> None:
    ramp = np.tile(np.arange(160, dtype=np.uint8)[None, None, :, None], (1, 120, 1, 3))
    short = resize_clip(ramp, 120, SHORT)[0, 0, 0, 0].numpy()
    assert (short == np.arange(20, 140)).all()
    direct = resize_clip(ramp, 120, DIRECT)[0, 0, 0, 0].numpy()
    np.testing.assert_allclose(
        direct[1:-1], (np.arange(120) + 0.5)[1:-1] * 160 / 120 - 0.5, atol=1e-4
    )


def test_what_is_no_clip_is_refused() -> None:
    for bad in (noise(1, 4, 4).astype(np.float32), noise(1, 4, 4)[..., 0], noise(1, 4, 4)[..., :2]):
        with pytest.raises(UserError, match="bytes"):
            resize_clip(bad, 4, DIRECT)


def test_a_window_is_every_stride_th_frame_from_its_start() -> None:
    spec = ClipSpec(frames=4, stride=3)
    asked = plan_sampling(spec, fps=30.0, start=6)
    assert (asked.fps, asked.start_s, asked.count) == (10.0, 0.2, 4)
    held = decoded(np.arange(6, 16) / 30, first=6)
    assert assemble_clip([held], asked, 30.0)[:, 0, 0, 0].tolist() == [6, 9, 12, 15]


def test_a_rate_of_the_spec_s_own_replaces_the_video_s() -> None:
    asked = plan_sampling(ClipSpec(frames=4, fps=8, stride=2), fps=30.0, start=4)
    assert (asked.fps, asked.start_s) == (4.0, 0.5)


def test_frames_come_in_parts_and_as_height_width_channels() -> None:
    asked = plan_sampling(ClipSpec(frames=5), fps=10.0, start=0)
    parts = [decoded(np.arange(3) / 10), decoded(np.arange(3, 5) / 10, first=3)]
    found = assemble_clip(parts, asked, 10.0)
    assert found.shape == (5, 2, 4, 3) and found.flags["C_CONTIGUOUS"]
    assert found[:, 1, 1, 2].tolist() == [0, 1, 2, 3, 4]


def test_a_video_that_lacks_the_last_frame_is_short() -> None:
    asked = plan_sampling(ClipSpec(frames=5), fps=10.0, start=0)
    assert assemble_clip([decoded(np.arange(4) / 10)], asked, 10.0) is None
    assert assemble_clip([decoded([0, 0.1, 0.2, 0.3, 0.36])], asked, 10.0) is not None


def test_an_irregular_frame_that_is_nearest_twice_is_shown_twice() -> None:
    asked = plan_sampling(ClipSpec(frames=4), fps=10.0, start=0)
    found = assemble_clip([decoded([0, 0.14, 0.31])], asked, 10.0)
    assert found[:, 0, 0, 0].tolist() == [0, 1, 1, 2]


@pytest.mark.parametrize(
    ("spec", "fps", "seconds", "expected"),
    [
        (ClipSpec(frames=16), 25.0, 0.64, 1),
        (ClipSpec(frames=16), 25.0, 0.6, 0),
        (ClipSpec(frames=16), 25.0, 2.0, 35),
        (ClipSpec(frames=16, stride=3), 25.0, 2.0, 5),
        (ClipSpec(frames=16, fps=8), 25.0, 2.0, 1),
    ],
)
def test_where_a_clip_can_begin(spec, fps, seconds, expected) -> None:
    assert count_starts(spec, fps, seconds) == expected


def test_the_rule_is_said_in_words() -> None:
    assert describe_resize(DIRECT) == "bilinear, directly, antialias off, half-pixel centres"
    assert "by the short side" in describe_resize(ClipSpec(resize="short", antialias=True))
