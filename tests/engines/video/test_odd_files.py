"""Files that were embedded wrongly once, each beside its like, made here.

The pictures of the files in `shared/cases` have their number in squares, those made here in bars.
"""

import shutil
import struct
import subprocess
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from support import golden
from support.paths import CASES, NO_CASES

from data.records import Video
from engines.video.frames import DecodeError, Resize, Sampling
from engines.video.guard.guard import Guard
from engines.video.pixels import to_rgb
from engines.video.probe import probe_video
from engines.video.video_file import VideoFile

SAMPLINGS = [Sampling(1), Sampling(5), Sampling(None, fps=2.0)]
CODECS = [
    *(("libx264", name) for name in ("mp4", "mkv", "flv", "avi")),
    *(("libx265", name) for name in ("mp4", "mkv")),
    *(("libsvtav1", name) for name in ("mp4", "mkv")),
    *(("libvpx", "webm"), ("libvpx-vp9", "webm"), ("mjpeg", "avi")),
    *(("mpeg4", "mp4"), ("mpeg4", "avi"), ("mpeg2video", "mkv"), ("mpeg2video", "mov")),
]
OPTIONS = {
    "mpeg4": {"g": "12", "bf": "0"}, "mpeg2video": {"g": "12", "bf": "0"}, "mjpeg": {},
    "libx264": {"g": "12", "bf": "0"}, "libsvtav1": {"preset": "12", "g": "12"},
    "libx265": {"x265-params": "log-level=none:keyint=12:bframes=0"},
    "libvpx": {"deadline": "realtime", "cpu-used": "8", "g": "12"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8", "g": "12"},
}  # fmt: skip

needs_cases = pytest.mark.skipif(not CASES.is_dir(), reason=NO_CASES)


def number_in_squares(picture: np.ndarray) -> int:
    height, width = picture.shape[:2]
    bits = 0
    for bit in range(10):
        row, column = divmod(bit, 5)
        y, x = int(height * (0.25 + (row + 0.5) / 4)), int(width * (column + 0.5) / 5)
        bits |= int(picture[y, x].mean() > 127) << bit
    return bits


def decode(path: Path, sampling: Sampling, read=golden.number):
    video = VideoFile(str(path))
    frames = [
        (index, seconds, read(to_rgb(frame, video.aspect)))
        for index, seconds, frame in video.decode_sampled(sampling)
    ]
    assert all(a[1] < b[1] for a, b in pairwise(frames))
    return frames, video


def fault(path: Path, sampling: Sampling = SAMPLINGS[1]) -> str:
    with pytest.raises(DecodeError) as found:
        decode(path, sampling)
    assert found.value.reason == "undecodable"
    return str(found.value)


@needs_cases
@pytest.mark.parametrize("sampling", SAMPLINGS, ids=["1", "5", "fps"])
@pytest.mark.parametrize(
    ("name", "count", "fps"),
    [
        ("h264b.avi", 100, 25), ("cat_same.ts", 100, 25), ("delay10.mp4", 100, 25),
        ("stale.flv", 100, 25), ("late.flv", 500, 5), ("longa.mkv", 100, 25),
    ],
)  # fmt: skip
def test_an_odd_file_is_like_any_other(name, count, fps, sampling):
    frames, video = decode(CASES / name, sampling, number_in_squares)
    assert all(index == number for index, _, number in frames)
    assert [t for _, t, _ in frames] == pytest.approx([i / fps for i, _, _ in frames], abs=2e-3)
    expected = -(-count // sampling.every_nth) if sampling.every_nth else count / fps * 2
    assert len(frames) == expected
    assert video.duration == pytest.approx(count / fps)
    assert probe_video(str(CASES / name)).duration == pytest.approx(count / fps)


@needs_cases
@pytest.mark.parametrize("sampling", SAMPLINGS, ids=["1", "5", "fps"])
def test_dropped_frames_are_no_damage(sampling):
    frames, video = decode(CASES / "zerosample.mp4", sampling, number_in_squares)
    assert [round(t * 25) for _, t, _ in frames] == [number for _, _, number in frames]
    assert not video.damaged and video.duration == 4.0
    assert sampling.every_nth != 1 or len(frames) == 75


@needs_cases
@pytest.mark.parametrize("sampling", SAMPLINGS, ids=["1", "5", "fps"])
def test_one_damaged_packet_costs_one_frame(sampling):
    frames, video = decode(CASES / "badpkt.mp4", sampling, number_in_squares)
    everything, _ = decode(CASES / "badpkt.mp4", SAMPLINGS[0], number_in_squares)
    assert video.damaged == 1 and len(everything) == 99
    assert set(frames) <= set(everything)


@needs_cases
def test_later_pictures_have_their_own_aspect():
    video = VideoFile(str(CASES / "sarchange.ts"))
    frames = video.decode_sampled(SAMPLINGS[1])
    shapes = [to_rgb(frame, video.aspect).shape for _, _, frame in frames]
    assert shapes == [(96, 160, 3)] * 10 + [(96, 212, 3)] * 10


def test_an_aspect_that_changes_on_the_way_is_followed(tmp_path):
    from fractions import Fraction

    how = {"codec": "mpeg2video", "format": "mpegts", "options": {"bf": "2", "g": "12"}}
    first = golden.clip(tmp_path / "a.ts", **how)
    second = golden.clip(tmp_path / "b.ts", aspect=Fraction(221, 150), **how)
    path = tmp_path / "joined.ts"
    path.write_bytes(first.read_bytes() + second.read_bytes())
    for sampling in (Sampling(1), Sampling(10)):
        video = VideoFile(str(path))
        shown = [to_rgb(f, video.aspect).shape[1] for _, _, f in video.decode_sampled(sampling)]
        half = 50 // (sampling.every_nth or 1)
        assert shown[:half] == [96] * half and shown[half:] == [141] * half


@pytest.mark.parametrize("filler", [b"\xff", b"\x80\x7f\x01\xee"], ids=["ones", "noise"])
@pytest.mark.parametrize(("codec", "container"), CODECS)
def test_a_destroyed_packet_is_counted_whatever_the_sampling(tmp_path, codec, container, filler):
    from av.codec.codec import UnknownCodecError

    try:
        path = golden.clip(
            tmp_path / f"x.{container}", 48, codec=codec, options=OPTIONS[codec],
            pix_fmt="yuvj420p" if codec == "mjpeg" else "yuv420p",
        )  # fmt: skip
    except UnknownCodecError as error:
        pytest.skip(f"no encoder here: {error}")
    golden.destroy_packet(path, 19, filler)
    everything, video = decode(path, Sampling(1))
    # HEVC's decoder gives no frame either that refers to one that it lacks.
    assert video.damaged == 1 and len(everything) == (43 if codec == "libx265" else 47)
    for sampling in (Sampling(5), Sampling(24), Sampling(None, fps=2.0)):
        frames, video = decode(path, sampling)
        assert video.damaged == 1 and set(frames) <= set(everything)
    limited = Sampling(24, max_damaged=0.0)
    assert "1 of 48" in fault(path, limited)


def test_after_lost_frames_times_that_are_in_decoding_order_are_right_again(tmp_path):
    path = golden.clip(tmp_path / "x.avi", 60, options={"g": "12", "bf": "3"})
    golden.destroy_packet(path, 24)  # a keyframe: none that refers to it is shown
    frames, video = decode(path, Sampling(1))
    assert video.damaged == 1 and len(frames) < 59
    later = [frame for frame in frames if frame[1] > 1.5]
    assert [round(t * 25) for _, t, _ in later] == [n for _, _, n in later] and len(later) > 20


def test_pictures_that_hide_damage_are_the_same_whatever_the_sampling(tmp_path):
    path = golden.clip(tmp_path / "x.ts", 48, options={"g": "12", "bf": "0"}, format="mpegts")
    data = bytearray(path.read_bytes())
    for at in range(len(data) // 2, len(data) // 2 + 188 * 4, 188):
        data[at + 100 : at + 120] = b"\xa5" * 20
    path.write_bytes(data)

    def read(picture):
        return picture.tobytes()

    everything, _ = decode(path, Sampling(1), read)
    for sampling in (Sampling(5), Sampling(7), Sampling(None, fps=3.0)):
        assert set(decode(path, sampling, read)[0]) <= set(everything)


def test_the_count_of_damaged_packets_is_returned(tmp_path):
    path = golden.clip(tmp_path / "x.mp4", options=OPTIONS["libx264"])
    golden.destroy_packet(path, 19, b"\xff")
    with Guard(1) as guard:
        (*_, outcome) = guard.decode([Video("x", str(path), "")], Sampling(5), Resize(32))
    assert outcome.value.damaged == 1


def test_mostly_damaged_files_are_undecodable(tmp_path):
    path = golden.clip(tmp_path / "x.mp4", options=OPTIONS["libx264"])
    for number in (14, 19, 26, 31, 38, 43):
        golden.destroy_packet(path, number, b"\xff")
    assert "6 of 50" in fault(path, Sampling(1))
    assert len(decode(path, Sampling(1, max_damaged=0.2))[0]) == 44


@pytest.mark.parametrize("container", ["mkv", "webm", "mov", "mp4", "ts", "nut"])
def test_a_late_start_is_no_missing_part(tmp_path, container):
    codec = "libvpx" if container == "webm" else "libx264"
    how = {"format": "mpegts"} if container == "ts" else {}
    path = golden.clip(
        tmp_path / f"x.{container}", codec=codec, muxer={"output_ts_offset": "10"}, **how
    )
    for sampling in SAMPLINGS:
        frames, video = decode(path, sampling)
        assert [t for _, t, _ in frames] == pytest.approx([n / 25 for _, _, n in frames], abs=2e-3)
        assert video.duration == pytest.approx(2.0)
    assert probe_video(str(path)).duration == pytest.approx(2.0)


LOSSY = [
    ("libx264", {"g": "1"}),
    ("libx264", {"g": "12", "bf": "3"}),
    ("libx265", {"x265-params": "log-level=none:keyint=12:bframes=3"}),
    ("mpeg2video", {"g": "1"}),
]


def split_transport(data: bytes) -> list[tuple[int, bytes]]:
    """The packets of a transport stream, each with the number of the frame that it is of."""
    parts, frame = [], -1
    for at in range(0, len(data), 188):
        packet = data[at : at + 188]
        video = (packet[1] & 0x1F, packet[2]) == (1, 0)
        frame += video and packet[1] >> 6 & 1  # the start of a frame
        parts.append((frame if video else -1, packet))
    return parts


@pytest.mark.parametrize(("codec", "options"), LOSSY)
def test_frames_that_a_transport_stream_lost_are_gaps_and_no_shift(tmp_path, codec, options):
    path = golden.clip(tmp_path / "x.ts", 60, codec=codec, options=options, format="mpegts")
    parts = split_transport(path.read_bytes())
    path.write_bytes(b"".join(packet for frame, packet in parts if frame not in (10, 11, 30)))
    everything, _ = decode(path, Sampling(1))
    assert 40 < len(everything) <= 57
    assert [round(t * 25) for _, t, _ in everything] == [number for _, _, number in everything]
    assert set(decode(path, Sampling(5))[0]) <= set(everything)


@pytest.mark.parametrize(("codec", "options"), LOSSY)
def test_a_transport_stream_that_begins_anywhere_counts_from_its_first_frame(
    tmp_path, codec, options
):
    path = golden.clip(tmp_path / "x.ts", 60, codec=codec, options=options, format="mpegts")
    parts = split_transport(path.read_bytes())
    path.write_bytes(b"".join(packet for frame, packet in parts if not 0 <= frame < 9))
    frames, _ = decode(path, Sampling(1))
    first = frames[0][2]
    assert frames[0][:2] == (0, 0.0) and first >= 9
    assert [round(t * 25) + first for _, t, _ in frames] == [number for _, _, number in frames]


def test_a_movie_header_that_its_track_contradicts_is_not_believed(tmp_path):
    path = golden.clip(tmp_path / "x.mp4")
    golden.patch(path, b"mvhd", 16, struct.pack(">I", 3_600_000))
    assert len(decode(path, Sampling(5))[0]) == 10


def test_a_stale_duration_in_an_flv_is_not_believed(tmp_path):
    import av

    path = golden.clip(tmp_path / "x.flv")
    data = path.read_bytes()
    at = data.index(b"duration") + 9
    path.write_bytes(data[:at] + struct.pack(">d", 3600.0) + data[at + 8 :])
    assert len(decode(path, Sampling(5))[0]) == 10
    with av.open(str(path)) as container:
        packet = bytes([packet for packet in container.demux(video=0) if packet.size][30])
    path.write_bytes(data[:at] + struct.pack(">d", 3600.0) + data[at + 8 : data.index(packet) + 4])
    assert "truncated" in fault(path)


@pytest.mark.parametrize("container", ["mkv", "webm", "avi"])
def test_a_stale_duration_is_not_believed_of_a_file_with_all_its_bytes(tmp_path, container):
    codec = "libvpx" if container == "webm" else "libx264"
    path = golden.clip(tmp_path / f"x.{container}", codec=codec)
    data = path.read_bytes()
    if container == "avi":  # frames of the file, and of the stream
        for name, offset in ((b"avih", 20), (b"strh", 36)):
            golden.patch(path, name, offset, struct.pack("<I", 90_000))
    else:
        golden.patch(path, b"\x44\x89\x88", 0, struct.pack(">d", 3_600_000.0))
    assert path.read_bytes() != data
    frames, video = decode(path, Sampling(5))
    assert len(frames) == 10 and video.duration == pytest.approx(2.0)
    assert probe_video(str(path)).duration == pytest.approx(2.0)


@pytest.mark.parametrize("share", [0.5, 0.7, 0.9])
@pytest.mark.parametrize("container", ["mkv", "webm"])
def test_a_file_that_lacks_bytes_is_truncated(tmp_path, container, share):
    codec = "libvpx" if container == "webm" else "libx264"
    path = golden.clip(tmp_path / f"x.{container}", codec=codec)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    for sampling in SAMPLINGS:
        assert "truncated" in fault(path, sampling)
    with pytest.raises(DecodeError, match="truncated"):
        probe_video(str(path))


def test_sound_that_lasts_longer_is_no_part_of_the_duration(tmp_path):
    import av

    path, made = golden.clip(tmp_path / "x.mkv", audio=True), tmp_path / "long.mkv"
    sound = golden.audio_only(tmp_path / "sound.mkv", 9.0)
    with av.open(str(path)) as a, av.open(str(sound)) as b, av.open(str(made), "w") as target:
        video = target.add_stream_from_template(a.streams.video[0])
        audio = target.add_stream_from_template(b.streams.audio[0])
        for source, stream in ((a.demux(video=0), video), (b.demux(audio=0), audio)):
            for packet in source:
                if packet.size:
                    packet.stream = stream
                    target.mux(packet)
    assert probe_video(str(made)).duration == pytest.approx(2.0)
    assert decode(made, Sampling(5))[1].duration == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("container", "codec"),
    [("mp4", "libx264"), ("mov", "mpeg4"), ("flv", "flv1"), ("wmv", "wmv2"), ("ivf", "libvpx"),
     ("nut", "mpeg4")],
)  # fmt: skip
def test_a_second_video_that_would_not_be_read_is_no_success(tmp_path, container, codec):
    how = {"codec": codec, "options": OPTIONS.get(codec, {})}
    first = golden.clip(tmp_path / f"a.{container}", **how).read_bytes()
    path = tmp_path / f"joined.{container}"
    path.write_bytes(first + golden.clip(tmp_path / f"b.{container}", 12, **how).read_bytes())
    for sampling in SAMPLINGS:
        assert f"joined: at byte {len(first):,}" in fault(path, sampling)
    with pytest.raises(DecodeError, match="joined"):
        probe_video(str(path))


def test_fragments_are_read_on_only_where_their_times_go_on(tmp_path):
    fragmented = {
        "options": {"g": "12", "bf": "0"},
        "muxer": {"movflags": "frag_keyframe+empty_moov+default_base_moof"},
    }
    whole = golden.clip(tmp_path / "a.mp4", **fragmented).read_bytes()
    header, path = whole[: whole.index(b"moof") - 4], tmp_path / "b.mp4"
    path.write_bytes(whole + whole)
    assert f"joined: at byte {len(whole):,}" in fault(path, Sampling(1))
    second = whole.index(b"moof", len(header) + 8) - 4  # where the second fragment begins
    path.write_bytes(whole[:second] + header + whole[second:])
    assert len(decode(path, Sampling(1))[0]) == 50


def test_a_stream_header_between_pictures_is_no_damage(tmp_path):
    path = tmp_path / "a.ogv"
    made = ["-f", "lavfi", "-i", "testsrc=size=96x64:duration=1", "-c:v", "libtheora", str(path)]
    if (
        not shutil.which("ffmpeg")
        or subprocess.run(["ffmpeg", *made], capture_output=True).returncode
    ):
        pytest.skip("no ffmpeg here that encodes Theora")
    path.write_bytes(path.read_bytes() * 2)
    for sampling, count in ((Sampling(1), 50), (Sampling(5), 10)):
        video = VideoFile(str(path))
        assert len(list(video.decode_sampled(sampling))) == count and video.damaged == 0


@pytest.mark.parametrize("container", ["mkv", "avi", "ts", "mpg", "mxf"])
def test_a_second_video_that_is_read_too_is_one(tmp_path, container):
    first = golden.clip(tmp_path / f"a.{container}", 12, codec="mpeg2video")
    path = tmp_path / f"joined.{container}"
    path.write_bytes(first.read_bytes() * 2)
    assert len(decode(path, Sampling(1))[0]) == 24
