import socket

import numpy as np
import pytest

from engines.video.frames import Frames
from engines.video.guard.protocol import (
    ConnectionClosed,
    read_frames,
    receive_message,
    send_frames,
    send_message,
)


@pytest.fixture
def ends():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_frames_arrive_as_they_were_sent(ends):
    pixels = np.random.default_rng(0).integers(0, 256, (3, 3, 8, 8), np.uint8)
    sent = Frames(np.array([0, 25, 50]), np.array([0.0, 1.0, 2.0]), pixels)
    send_frames(ends[0], sent)
    header, body = receive_message(ends[1])
    found = read_frames(header, body)
    assert header["kind"] == "frames"
    assert all(
        np.array_equal(getattr(found, name), getattr(sent, name))
        for name in ("index", "seconds", "pixels")
    )


def test_any_text_travels(ends):
    send_message(ends[0], {"uri": "🎬 \udcff\n\"'"})
    assert receive_message(ends[1])[0]["uri"] == "🎬 \udcff\n\"'"


def test_half_a_message_is_waited_for_no_longer_than_asked(ends):
    ends[0].sendall(b"\x05\x00")
    with pytest.raises(TimeoutError):
        receive_message(ends[1], 0.05)


def test_the_other_end_gone_is_closed(ends):
    ends[0].close()
    with pytest.raises(ConnectionClosed):
        receive_message(ends[1], 1.0)
