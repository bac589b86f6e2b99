import numpy as np
import pytest

from engines.video.decoders.fake import decode_frames
from engines.video.frames import DecodeError, Resize, Sampling


def decoded(uri, sampling=Sampling(10)):
    return list(decode_frames(uri, sampling, Resize(8), chunk=3))


def test_frames_follow_from_the_uri():
    first, second = decoded("fake://a"), decoded("fake://a")
    assert np.concatenate([f.index for f in first]).tolist() == [0, 10, 20, 30, 40]
    assert [f.pixels.shape for f in first] == [(3, 3, 8, 8), (2, 3, 8, 8)]
    assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(first, second, strict=True))
    assert not np.array_equal(first[0].pixels, decoded("fake://b")[0].pixels)


def test_a_rehearsed_video_is_as_long_as_asked():
    parts = decoded("fake://a?frames=8&fps=2", Sampling(None, fps=1.0))
    assert np.concatenate([f.seconds for f in parts]).tolist() == [0.0, 1.0, 2.0, 3.0]


@pytest.mark.parametrize("reason", ["missing", "undecodable", "empty", "too_long", "timeout"])
def test_faults_of_the_file_are_rehearsed_by_reason(reason):
    with pytest.raises(DecodeError) as fault:
        decoded(f"fake://a?fault={reason}")
    assert fault.value.reason == reason


def test_a_programming_error_is_rehearsed():
    with pytest.raises(RuntimeError):
        decoded("fake://a?fault=raise")


def test_too_many_frames_and_none():
    with pytest.raises(DecodeError, match="more than 2"):
        decoded("fake://a", Sampling(10, max_frames=2))
    with pytest.raises(DecodeError, match="no frames"):
        decoded("fake://a?frames=0")
