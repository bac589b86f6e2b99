"""What every decoder promises; a new file in the folder is tested without being named here."""

import inspect
import pkgutil

import numpy as np
import pytest
from support import golden

import engines.video.decoders
from engines.base import load_plugin
from engines.video.frames import DecodeError, Decoder, Resize, Sampling

NAMES = [module.name for module in pkgutil.iter_modules(engines.video.decoders.__path__)]


@pytest.fixture(params=NAMES)
def decoder(request):
    return load_plugin("video.decoders", request.param)


@pytest.fixture
def uri(decoder, tmp_path):
    """A video of 50 frames at 25 a second."""
    if decoder.__name__.endswith(".fake"):
        return "fake://clip"
    return str(golden.clip(tmp_path / "clip.mp4"))


def test_it_takes_what_the_protocol_says(decoder):
    asked = list(inspect.signature(Decoder.decode_frames).parameters.values())[1:]
    given = list(inspect.signature(decoder.decode_frames).parameters.values())
    assert [(p.name, p.default) for p in given] == [(p.name, p.default) for p in asked]


@pytest.mark.parametrize(
    ("sampling", "expected"),
    [
        (Sampling(1), range(50)),
        (Sampling(25), [0, 25]),
        (Sampling(100), [0]),
        (Sampling(1, first=16), range(16)),
        (Sampling(10, first=3), [0, 10, 20]),
        (Sampling(1, first=60), range(50)),
        (Sampling(None, fps=5.0), range(0, 50, 5)),
        (Sampling(None, fps=5.0, start_s=0.4, count=3), [10, 15, 20]),
    ],
)
def test_it_gives_the_sampled_frames_in_chunks(decoder, uri, sampling, expected):
    parts = list(decoder.decode_frames(uri, sampling, Resize(16), chunk=4))
    assert np.concatenate([part.index for part in parts]).tolist() == list(expected)
    seconds = np.concatenate([part.seconds for part in parts])
    np.testing.assert_allclose(seconds, np.array(expected) / 25, atol=1e-6)
    for part in parts:
        count = len(part.index)
        assert 1 <= count <= 4
        assert (part.index.dtype, part.seconds.dtype) == (np.int64, np.float64)
        assert (part.pixels.shape, part.pixels.dtype) == ((count, 3, 16, 16), np.uint8)


def test_without_a_size_pictures_have_the_videos_own(decoder, uri):
    (part,) = decoder.decode_frames(uri, Sampling(25), None)
    own = (64, 64) if decoder.__name__.endswith(".fake") else (64, 96)
    assert (part.pixels.shape, part.pixels.dtype) == ((2, 3, *own), np.uint8)


def test_its_pictures_have_the_shape_asked_for(decoder, uri):
    (part,) = decoder.decode_frames(uri, Sampling(25), Resize(16, width=24))
    assert part.pixels.shape == (2, 3, 16, 24)


def test_the_same_video_gives_the_same_frames(decoder, uri):
    first, second = (list(decoder.decode_frames(uri, Sampling(7), Resize(16))) for _ in range(2))
    assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(first, second, strict=True))


def test_more_than_max_frames_is_too_long(decoder, uri):
    with pytest.raises(DecodeError) as fault:
        list(decoder.decode_frames(uri, Sampling(10, max_frames=4), Resize(16)))
    assert fault.value.reason == "too_long"
