import hashlib
import io
import os
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
from support import golden

from data.errors import UserError
from engines.video.decoders import pyav
from engines.video.frames import Resize, Sampling
from engines.video.probe import probe_video
from engines.video.writing import encode_mp4

COLOURS = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (128, 128, 128), (255, 255, 255))


def pictures(count=5, size=(96, 64)):
    return np.stack([golden.picture(k, size) for k in range(count)])


def flat(height, width):
    """One plain colour a frame."""
    return np.stack([np.full((height, width, 3), colour, np.uint8) for colour in COLOURS])


def test_the_same_frames_give_the_same_bytes():
    assert encode_mp4(pictures(), 8) == encode_mp4(pictures(), 8)
    assert encode_mp4(pictures(), 8) != encode_mp4(pictures(6), 8)


def test_what_lies_in_fresh_memory_does_not_show():
    said = "; ".join([
        "import sys, hashlib, numpy as np",
        "from engines.video.writing import encode_mp4",
        "frames = np.frombuffer(sys.stdin.buffer.read(), np.uint8).reshape(5, 64, 96, 3)",
        "print(hashlib.sha256(encode_mp4(frames, 8)).hexdigest())",
    ])  # fmt: skip
    made = {
        subprocess.run(
            [sys.executable, "-c", said], input=pictures().tobytes(), check=True,
            capture_output=True, env=os.environ | {"MALLOC_PERTURB_": byte},
        ).stdout.decode().strip()
        for byte in ("17", "85")
    }  # fmt: skip
    assert made == {hashlib.sha256(encode_mp4(pictures(), 8)).hexdigest()}


@pytest.mark.parametrize(
    ("fps", "rate"),
    [
        (8, Fraction(8)),
        (7.5, Fraction(15, 2)),
        (29.97, Fraction(2997, 100)),
        (30000 / 1001, Fraction(30000, 1001)),
        (0.5, Fraction(1, 2)),
    ],
)
def test_the_rate_is_exact(fps, rate):
    import av

    with av.open(io.BytesIO(encode_mp4(pictures(6), fps))) as container:
        stream = container.streams.video[0]
        seconds = [frame.pts * stream.time_base for frame in container.decode(stream)]
        assert stream.average_rate == rate
    assert seconds == [k / rate for k in range(6)]


@pytest.mark.parametrize(("height", "width"), [(64, 64), (256, 448), (720, 1280)])
def test_our_own_decoder_gives_the_colours_back(tmp_path, height, width):
    shown = flat(height, width)
    (tmp_path / "a.mp4").write_bytes(encode_mp4(shown, 4))
    found = list(pyav.decode_frames(str(tmp_path / "a.mp4"), Sampling(1), Resize(16)))
    pixels = np.concatenate([part.pixels for part in found]).astype(int)
    assert len(pixels) == len(COLOURS)
    assert np.abs(pixels - np.array(COLOURS)[:, :, None, None]).max() <= 4


def test_pictures_come_back_nearly_as_they_were(tmp_path):
    import av

    grey = np.repeat(pictures(8).mean(axis=-1, keepdims=True), 3, axis=-1).astype(np.uint8)
    (tmp_path / "a.mp4").write_bytes(encode_mp4(grey, 8))
    with av.open(str(tmp_path / "a.mp4")) as container:
        back = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    error = np.square(np.stack(back).astype(float) - grey).mean()
    assert 10 * np.log10(255**2 / error) > 40


def test_a_probe_says_what_was_written(tmp_path):
    (tmp_path / "a.mp4").write_bytes(encode_mp4(pictures(12), 8))
    said = probe_video(str(tmp_path / "a.mp4"))
    assert (said.width, said.height, said.fps, said.duration) == (96, 64, 8.0, 1.5)
    assert said.codec == "h264"


def test_the_index_comes_before_the_pictures():
    made = encode_mp4(pictures(), 8)
    assert made.find(b"moov") < made.find(b"mdat")


@pytest.mark.parametrize("shape", [(2, 64, 65, 3), (2, 63, 64, 3), (0, 64, 64, 3)])
def test_what_h264_cannot_hold_is_refused_with_advice(shape):
    with pytest.raises(UserError, match="even width"):
        encode_mp4(np.zeros(shape, np.uint8), 8)
