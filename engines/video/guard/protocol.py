"""The messages between a guard and its decoder processes: two lengths, a JSON header, raw bytes."""

import json
import socket
import struct
import time
from typing import Any

import numpy as np

from engines.video.frames import Frames

LENGTHS = struct.Struct("<IQ")  # of the header and of the body
Header = dict[str, Any]


class ConnectionClosed(Exception):
    """The other end is gone."""


def send_message(sock: socket.socket, header: Header, *parts: memoryview) -> None:
    """Sends one message; blocks for as long as the other end does not read."""
    # No time-out: a decoder that is ahead of its consumer waits here, and that is not a hang.
    text = json.dumps(header).encode()
    lengths = LENGTHS.pack(len(text), sum(part.nbytes for part in parts))
    sock.settimeout(None)
    try:
        sock.sendall(lengths + text)
        for part in parts:
            sock.sendall(part)
    except OSError as error:
        raise ConnectionClosed(str(error)) from error


def receive_message(sock: socket.socket, seconds: float | None = None) -> tuple[Header, bytearray]:
    """The header and body of the next message; a TimeoutError after so many seconds."""
    due = None if seconds is None else time.monotonic() + seconds
    header, body = LENGTHS.unpack(_receive_exactly(sock, LENGTHS.size, due))
    return json.loads(_receive_exactly(sock, header, due)), _receive_exactly(sock, body, due)


def _receive_exactly(sock: socket.socket, size: int, due: float | None) -> bytearray:
    data = bytearray(size)
    view = memoryview(data)
    while view:
        if due is not None:
            sock.settimeout(max(0.001, due - time.monotonic()))
        try:
            count = sock.recv_into(view)
        except TimeoutError:
            raise
        except OSError as error:
            raise ConnectionClosed(str(error)) from error
        if not count:
            raise ConnectionClosed("end of the connection")
        view = view[count:]
    return data


def send_frames(sock: socket.socket, frames: Frames) -> None:
    """Sends a run of frames, or of blocks of sound."""
    columns: tuple[np.ndarray, ...] = (
        np.ascontiguousarray(frames.index, np.int64),
        np.ascontiguousarray(frames.seconds, np.float64),
        np.ascontiguousarray(frames.pixels),
    )
    header = {"kind": "frames", "shape": frames.pixels.shape, "type": frames.pixels.dtype.str}
    send_message(sock, header, *(column.data.cast("B") for column in columns))


def read_frames(header: Header, body: bytearray) -> Frames:
    """The frames of a message that `send_frames` sent."""
    count = header["shape"][0]
    index = np.frombuffer(body, np.int64, count)
    seconds = np.frombuffer(body, np.float64, count, offset=8 * count)
    pixels = np.frombuffer(body, header["type"], offset=16 * count)
    return Frames(index, seconds, pixels.reshape(header["shape"]))
