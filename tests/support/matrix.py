"""Numbered clips in all containers and codecs, with all faults that times have."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from support import golden

FRAMES, FPS = 36, 25
LATE_S = 3000.0
WRAP_S = 2**33 / 90_000 - 0.7  # a transport stream's clock starts again in the middle of the clip
FORMATS = {"ts": "mpegts", "ogv": "ogg", "3gp": None, "m1v": "mpeg1video", "m2v": "mpeg2video",
           "h264": "h264", "hevc": "hevc", "m4v": "m4v", "ivf": "ivf", "obu": "obu"}  # fmt: skip
X265 = "log-level=none:keyint=12:min-keyint=12:open-gop=0"
VPX = {"deadline": "realtime", "cpu-used": "8", "g": "12"}
ENCODERS: dict[str, tuple[str, dict[str, str], dict[str, str]]] = {  # name, without B-frames, with
    "h264": ("libx264", {"g": "12", "bf": "0"}, {"g": "12", "bf": "3"}),
    "hevc": ("libx265", {"x265-params": X265 + ":bframes=0"}, {"x265-params": X265 + ":bframes=3"}),
    "mpeg4": ("mpeg4", {"g": "12", "bf": "0"}, {"g": "12", "bf": "2"}),
    "mpeg2": ("mpeg2video", {"g": "12", "bf": "0"}, {"g": "12", "bf": "2"}),
    "mpeg1": ("mpeg1video", {"g": "12", "bf": "0"}, {"g": "12", "bf": "2"}),
    "vp8": ("libvpx", VPX, VPX | {"lag-in-frames": "8", "auto-alt-ref": "1"}),
    "vp9": ("libvpx-vp9", VPX, VPX | {"lag-in-frames": "8", "auto-alt-ref": "1"}),
    "av1": ("libsvtav1", {"preset": "12", "g": "12", "svtav1-params": "pred-struct=1"},
            {"preset": "12", "g": "12"}),
    "mjpeg": ("mjpeg", {}, {}),
}  # fmt: skip
CONTAINERS = {
    "h264": "mp4 mov mkv avi ts flv mpg asf nut 3gp h264",
    "hevc": "mp4 mov mkv ts flv nut hevc",
    "mpeg4": "mp4 mov mkv avi ts mpg asf nut 3gp m4v",
    "mpeg2": "mp4 mov mkv avi ts mpg nut m2v",
    "mpeg1": "mp4 mkv ts mpg nut m1v",
    "vp8": "mkv webm avi ogv nut ivf",
    "vp9": "mp4 mkv webm avi flv nut ivf",
    "av1": "mp4 mkv webm obu",
    "mjpeg": "mov mkv avi nut",
}
JOINABLE = {"ts", "mpg", "mkv", "webm", "avi", "h264", "hevc", "m2v", "m1v"}
TIMED = {"mp4", "mov", "mkv", "webm", "ts", "flv", "nut"}  # take any times that they are given
CORE = {"mp4", "mkv", "webm", "avi", "ts", "flv", "mpg", "ogv", "h264"}


@dataclass(frozen=True, slots=True)
class Case:
    """One cell: a codec with B-frames or without, in a container, with a fault of its times."""

    codec: str
    container: str
    b_frames: bool
    fault: str

    @property
    def id(self) -> str:
        """A name to read."""
        return f"{self.codec}{'-b' if self.b_frames else ''}.{self.container}-{self.fault}"

    @property
    def is_core(self) -> bool:
        """Whether it is tried whenever tests are run."""
        usual = self.fault in ("plain", "joined", "decode_order")
        return self.container in CORE and (self.b_frames or self.codec == "mjpeg") and usual


def list_cases() -> Iterator[Case]:
    """All cells."""
    for codec, containers in CONTAINERS.items():
        for container in containers.split():
            for b_frames in (False, True):
                for fault in FAULTS:
                    case = Case(codec, container, b_frames, fault)
                    if (b_frames or codec != "mjpeg") and _is_possible(case):
                        yield case


def _is_possible(case: Case) -> bool:
    if case.fault == "joined":
        return case.container in JOINABLE and case.codec not in ("av1",)
    if case.fault in ("late", "decode_order"):
        # A template of the others lacks what the container needs.
        return (
            case.container in TIMED
            and case.codec != "av1"
            and (case.codec, case.container) != ("mpeg4", "ts")
        )
    if case.fault in ("wrapped", "lost"):
        return case.container == "ts"
    return True


def build(case: Case, folder: Path) -> Path:
    """The case's file."""
    return FAULTS[case.fault](case, folder / f"{case.id}.{case.container}")


def _encode(case: Case, path: Path, **how: object) -> Path:
    name, plain, with_b = ENCODERS[case.codec]
    return golden.clip(
        path, FRAMES, FPS, codec=name, options=with_b if case.b_frames else plain,
        format=FORMATS.get(case.container),
        pix_fmt="yuvj420p" if case.codec == "mjpeg" else "yuv420p", **how,
    )  # fmt: skip


def _join(case: Case, path: Path) -> Path:
    data = _encode(case, path).read_bytes()
    path.write_bytes(data + data)
    return path


def _shift(seconds: float) -> Callable[[Case, Path], Path]:
    return lambda case, path: _encode(case, path, muxer={"output_ts_offset": str(seconds)})


def _order_by_decoding(case: Case, path: Path) -> Path:
    """The times that packets have, in the order in which they are decoded, as in AVI."""
    import av

    source = _encode(Case(case.codec, "nut", case.b_frames, ""), path.with_suffix(".nut"))
    with (
        av.open(str(source)) as given,
        av.open(str(path), "w", format=FORMATS.get(case.container)) as made,
    ):
        stream = made.add_stream_from_template(given.streams.video[0])
        packets = [packet for packet in given.demux(video=0) if packet.size]
        for packet, time in zip(packets, sorted(p.pts for p in packets), strict=True):
            packet.pts = packet.dts = time
            packet.stream = stream
            made.mux(packet)
    return path


def _lose(case: Case, path: Path) -> Path:
    """A transport stream of which a few bytes are lost, in whole packets of 188."""
    data = _encode(case, path).read_bytes()
    packets = [data[at : at + 188] for at in range(0, len(data), 188)]
    kept = [packet for n, packet in enumerate(packets) if n % 40 not in (38, 39)]
    path.write_bytes(b"".join(kept))
    return path


FAULTS: dict[str, Callable[[Case, Path], Path]] = {
    "plain": _encode, "joined": _join, "late": _shift(LATE_S), "wrapped": _shift(WRAP_S),
    "decode_order": _order_by_decoding, "lost": _lose,
}  # fmt: skip
