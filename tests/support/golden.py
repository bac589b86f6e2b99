"""Small real video files made on the fly; every frame shows its own number as a bar code."""

import os
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np

BITS, BAR = 12, 16  # 12 bars: enough for 4096 frames; 16 rows high
UPSIDE_DOWN = (-1, 0, 0, -1)
CLOCKWISE = (0, 1, -1, 0)
ANTICLOCKWISE = (0, -1, 1, 0)
MIRRORED = (-1, 0, 0, 1)


def picture(number: int, size: tuple[int, int] = (96, 64)) -> np.ndarray:
    """An (H, W, 3) picture: the number in bars, most significant first, above moving colours."""
    width, height = size
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    wave = np.stack([x * 3 + number * 5, y * 4 + number * 3, x + y + number * 7], axis=-1)
    image = (128 + 100 * np.sin(wave / 20)).astype(np.uint8)
    bits = (number >> np.arange(BITS)[::-1]) & 1
    image[:BAR] = np.repeat(bits, -(-width // BITS))[:width][None, :, None] * 255
    return image


def number(image: np.ndarray) -> int:
    """The number that an upright (H, W, 3) picture of any size shows."""
    height, width = image.shape[:2]
    step = -(-96 // BITS) / 96 * width
    columns = ((np.arange(BITS) + 0.5) * step).astype(int)
    bits = image[int(height * BAR / 64 / 2), columns].mean(axis=-1) > 127
    return int((bits * (1 << np.arange(BITS)[::-1])).sum())


def clip(
    path: Path,
    frames: int = 50,
    fps: int = 25,
    size: tuple[int, int] = (96, 64),
    codec: str = "libx264",
    *,
    options: dict[str, str] | None = None,
    pix_fmt: str = "yuv420p",
    format: str | None = None,
    muxer: dict[str, str] | None = None,
    times: Sequence[int] | None = None,
    aspect: Fraction | None = None,
    tags: dict[str, int] | None = None,
    draw: Callable[[int, tuple[int, int]], np.ndarray] = picture,
    audio: bool = False,
) -> Path:
    """Writes a video: `times` in units of 1/1000 s for a variable rate, `tags` of colour."""
    import av

    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", format=format, options=muxer or {}) as container:
        stream = container.add_stream(codec, rate=fps, options=options or {})
        stream.width, stream.height, stream.pix_fmt = *size, pix_fmt
        base = Fraction(1, 1000) if times else Fraction(1, fps)
        stream.time_base = stream.codec_context.time_base = base
        if aspect:
            stream.codec_context.sample_aspect_ratio = aspect
        for name, value in (tags or {}).items():
            setattr(stream.codec_context, name, value)
        sound = _add_sound(container) if audio else None
        container.start_encoding()
        for k in range(frames):
            frame = av.VideoFrame.from_ndarray(draw(k, size), format="rgb24")
            frame = frame.reformat(format=pix_fmt, **_target(tags))
            frame.pts = times[k] if times else k
            frame.time_base = base
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        if sound is not None:
            _sound(container, sound, frames / fps)
    if codec == "libsvtav1":
        _leave_real_time()
    return path


def _leave_real_time() -> None:
    """As root SVT-AV1 makes its caller a real-time process: servers beside it would starve."""
    if hasattr(os, "sched_setscheduler"):
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def _target(tags: dict[str, int] | None) -> dict[str, int]:
    tags = tags or {}
    given = {"dst_colorspace": tags.get("colorspace"), "dst_color_range": tags.get("color_range")}
    return {name: value for name, value in given.items() if value is not None}


def _add_sound(container):
    return container.add_stream("aac", rate=16000, layout="mono")


def _sound(container, stream, seconds: float) -> None:
    import av

    for start in range(0, int(seconds * 16000), 1024):
        samples = np.sin(np.arange(start, start + 1024) / 20)[None].astype(np.float32)
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
        frame.sample_rate, frame.pts = 16000, start
        container.mux(stream.encode(frame))
    container.mux(stream.encode())


def audio_only(path: Path, seconds: float = 1.0) -> Path:
    """A file with sound and no picture."""
    import av

    with av.open(str(path), "w") as container:
        _sound(container, _add_sound(container), seconds)
    return path


def turned(path: Path, matrix: tuple[int, int, int, int], **how: object) -> Path:
    """A clip whose display matrix asks for a turn."""
    clip(path, **how)
    a, b, c, d = (np.array(value << 16, ">i4").tobytes() for value in matrix)
    zero, one = bytes(4), np.array(1 << 30, ">i4").tobytes()
    return patch(path, b"tkhd", 40, a + b + zero + c + d + zero + zero + zero + one)


def patch(path: Path, box: bytes, offset: int, value: bytes) -> Path:
    """Overwrites bytes in every such box of an mp4, `offset` after its name."""
    data = bytearray(path.read_bytes())
    at = data.find(box)
    assert at > 0, f"no {box!r} in {path}"
    while at > 0:
        start = at + len(box) + offset
        data[start : start + len(value)] = value
        at = data.find(box, start)
    path.write_bytes(data)
    return path


def lying(path: Path, hours: float = 8.0, **how: object) -> Path:
    """A short clip whose header says it lasts for hours."""
    clip(path, **how)
    data = path.read_bytes()
    for box, scale, duration in ((b"mvhd", 12, 16), (b"mdhd", 12, 16)):
        at = data.find(box) + 4
        units = int.from_bytes(data[at + scale : at + scale + 4], "big")
        patch(path, box, duration, int(hours * 3600 * units).to_bytes(4, "big"))
    return path


def truncated(path: Path, share: float = 0.6, faststart: bool = True, **how: object) -> Path:
    """The first part of an mp4's bytes, its index before (`faststart`) or behind the content."""
    clip(path, muxer={"movflags": "faststart"} if faststart else {}, **how)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path


def huge(path: Path, side: int = 16384) -> Path:
    """An mp4 of one small JPEG that says it is `side` × `side`, in both its headers."""
    clip(path, frames=1, codec="mjpeg", pix_fmt="yuvj420p")
    two = side.to_bytes(2, "big")
    patch(path, b"mp4v", 24, two + two)
    data = bytearray(path.read_bytes())
    at = data.find(b"\xff\xc0") + 5
    data[at : at + 4] = two + two
    path.write_bytes(data)
    return path


def destroy_packet(path: Path, number: int, filler: bytes = b"\xff") -> Path:
    """Overwrites all bytes of one packet of the video."""
    import av

    with av.open(str(path)) as container:
        packets = [bytes(p) for p in container.demux(video=0) if p.size]
    data, packet = path.read_bytes(), packets[number]
    assert data.count(packet) == 1
    path.write_bytes(data.replace(packet, (filler * len(packet))[: len(packet)]))
    return path


def zero_bytes(path: Path) -> Path:
    """A file with nothing in it."""
    path.write_bytes(b"")
    return path


def html(path: Path) -> Path:
    """A web page that an unlucky download saved as a video."""
    path.write_text("<!DOCTYPE html><html><body>404 not found</body></html>\n" * 40)
    return path


def no_frames(path: Path) -> Path:
    """An mp4 with a video stream in which nothing is."""
    return clip(path, frames=0)
