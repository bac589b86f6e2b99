import os
from pathlib import Path

import numpy as np
import pytest
from support import golden
from support.paths import REAL_CLIPS

from engines.video.decoders import pyav
from engines.video.frames import DecodeError, Resize, Sampling

NUMBERED = REAL_CLIPS / "formats" / "numbered_frames.mp4"
EVERY = Sampling(10)


@pytest.fixture(autouse=True, scope="module")
def imports():
    """Done first, since chunks are also cut by time."""
    import torch  # noqa: F401


def decoded(path, sampling=EVERY, size=64, chunk=32):
    return list(pyav.decode_frames(str(path), sampling, Resize(size), chunk))


def fault(path, sampling=EVERY):
    with pytest.raises(DecodeError) as found:
        decoded(path, sampling)
    return found.value.reason, str(found.value)


def numbers(parts):
    return [golden.number(p) for part in parts for p in part.pixels.transpose(0, 2, 3, 1)]


def test_frames_come_with_index_seconds_and_pixels(tmp_path):
    (part,) = decoded(golden.clip(tmp_path / "plain.mp4"))
    assert part.index.tolist() == [0, 10, 20, 30, 40] and part.index.dtype == np.int64
    np.testing.assert_allclose(part.seconds, [0.0, 0.4, 0.8, 1.2, 1.6])
    assert part.pixels.shape == (5, 3, 64, 64) and part.pixels.dtype == np.uint8


def test_chunks_are_bounded_and_in_order(tmp_path):
    path = golden.clip(tmp_path / "plain.mp4")
    parts = list(pyav.decode_frames(str(path), Sampling(1), Resize(64, "squash"), chunk=8))
    assert [len(part.index) for part in parts] == [8] * 6 + [2]
    assert np.concatenate([part.index for part in parts]).tolist() == list(range(50))
    assert numbers(parts) == list(range(50))


def test_slow_decoding_gives_on_what_there_is(tmp_path, monkeypatch):
    monkeypatch.setattr("engines.video.batches.BATCH_SECONDS", 0.0)
    parts = decoded(golden.clip(tmp_path / "plain.mp4"))
    assert [part.index.tolist() for part in parts] == [[0], [10], [20], [30], [40]]


def test_seconds_count_from_the_first_frame_shown(tmp_path):
    path = golden.clip(tmp_path / "late.ts", format="mpegts", muxer={"output_ts_offset": "100"})
    assert np.concatenate([p.seconds for p in decoded(path)])[0] == 0.0


def test_fps_keeps_the_nearest_in_a_variable_rate(tmp_path):
    times = [0, 40, 400, 440, 480, 1300, 1340, 1900, 2400, 2500]
    path = golden.clip(tmp_path / "uneven.mp4", frames=10, times=times)
    (part,) = decoded(path, Sampling(None, fps=2.0))
    assert part.index.tolist() == [0, 4, 5, 6, 7, 9]
    np.testing.assert_allclose(part.seconds * 1000, [0, 480, 1300, 1340, 1900, 2500])


@pytest.mark.parametrize("frames", [1, 2])
def test_very_short_videos(tmp_path, frames):
    (part,) = decoded(golden.clip(tmp_path / "short.mp4", frames=frames), Sampling(1))
    assert part.index.tolist() == list(range(frames))


@pytest.mark.parametrize("name", ["clip.ts", "clip.h264", "live.mkv"])
def test_files_that_do_not_know_their_duration(tmp_path, name):
    format = {"ts": "mpegts", "h264": "h264", "mkv": "matroska"}[name.split(".")[1]]
    muxer = {"live": "1"} if name == "live.mkv" else {}
    parts = decoded(golden.clip(tmp_path / name, format=format, muxer=muxer), Sampling(7))
    assert [k for part in parts for k in part.index] == list(range(0, 50, 7))


def test_names_that_look_like_protocols_are_paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    golden.clip(tmp_path / "made.mp4")
    for name in ("http:x.mp4", "concat:a|b.mp4", "-i %d ü 🎬.mp4"):
        os.rename("made.mp4", name)
        assert decoded(name)
        os.rename(name, "made.mp4")


@pytest.mark.parametrize("memory", [64 << 20, 0])
def test_a_url_is_read_through_fsspec(tmp_path, monkeypatch, memory):
    import fsspec

    monkeypatch.setattr("engines.video.container.FETCH_WHOLE_BYTES", memory)
    path = golden.clip(tmp_path / "plain.mp4")
    with fsspec.open("memory://bucket/plain.mp4", "wb") as file:
        file.write(path.read_bytes())
    far, near = decoded("memory://bucket/plain.mp4"), decoded(path)
    assert np.array_equal(far[0].pixels, near[0].pixels)
    assert decoded(f"file://{path}")[0].index.tolist() == far[0].index.tolist()
    assert fault("memory://bucket/nothing.mp4")[0] == "missing"


def test_cover_art_is_not_the_video(tmp_path):
    import av

    path = golden.clip(tmp_path / "plain.mp4")
    covered = tmp_path / "covered.mp4"
    with av.open(str(path)) as source, av.open(str(covered), "w") as target:
        cover = target.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 640, 480, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        video = target.add_stream_from_template(source.streams.video[0])
        frame = av.VideoFrame.from_ndarray(np.zeros((480, 640, 3), np.uint8), format="rgb24")
        target.mux(cover.encode(frame.reformat(format="yuvj420p")))
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = video
                target.mux(packet)
    assert numbers(pyav.decode_frames(str(covered), EVERY, Resize(64, "squash"))) == [
        0,
        10,
        20,
        30,
        40,
    ]


def test_nothing_to_open_is_missing(tmp_path):
    assert fault(tmp_path / "no.mp4")[0] == "missing"
    golden.html(tmp_path / "file")
    assert fault(tmp_path / "file" / "no.mp4")[0] == "missing"


@pytest.mark.parametrize("every", [1, 10])
@pytest.mark.parametrize("faststart", [True, False])
def test_truncated_files_are_undecodable(tmp_path, faststart, every):
    path = golden.truncated(tmp_path / "cut.mp4", faststart=faststart)
    reason, detail = fault(path, Sampling(every))
    assert reason == "undecodable"
    assert not faststart or ("truncated" in detail and "50 frames" in detail)


@pytest.mark.parametrize(
    ("make", "reason", "detail"),
    [
        (golden.zero_bytes, "empty", "zero bytes"),
        (golden.html, "undecodable", "Invalid data"),
        (golden.audio_only, "undecodable", "no video stream"),
        (golden.lying, "undecodable", "28800.0 s"),
        (golden.huge, "undecodable", "picture size"),
    ],
)
@pytest.mark.parametrize("every", [1, 10])
def test_bad_files_are_typed_faults(tmp_path, make, reason, detail, every):
    found = fault(make(tmp_path / "bad.mp4"), Sampling(every))
    assert found[0] == reason and detail in found[1]


def test_a_playlist_named_mp4_opens_nothing_else(tmp_path):
    golden.clip(tmp_path / "secret.mp4")
    playlist = tmp_path / "list.mp4"
    playlist.write_text("ffconcat version 1.0\nfile secret.mp4\n")
    assert fault(playlist)[0] == "undecodable"
    playlist.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nsecret.mp4\n")
    assert fault(playlist)[0] == "undecodable"


def test_places_that_are_no_files(tmp_path):
    loop = tmp_path / "loop.mp4"
    loop.symlink_to(loop)
    assert fault(loop)[0] == "undecodable"
    reason, detail = fault(tmp_path)
    assert reason == "undecodable" and "folder" in detail
    os.mkfifo(tmp_path / "pipe.mp4")
    assert fault(tmp_path / "pipe.mp4")[0] == "undecodable"


def test_a_file_that_may_not_be_read(tmp_path):
    path = golden.clip(tmp_path / "locked.mp4")
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    reason, detail = fault(path)
    assert reason == "undecodable" and "permission denied" in detail


def test_more_than_max_frames_is_too_long(tmp_path):
    path = golden.clip(tmp_path / "plain.mp4")
    assert fault(path, Sampling(1, max_frames=10))[0] == "too_long"
    assert fault(path, Sampling(10, max_frames=4))[0] == "too_long"


def test_a_programming_error_is_not_the_files_fault(tmp_path, monkeypatch):
    def broken(*_):
        raise TypeError("a mistake")

    monkeypatch.setattr(pyav, "to_rgb", broken)
    with pytest.raises(TypeError):
        decoded(golden.clip(tmp_path / "plain.mp4"))


def test_libav_says_nothing_on_stderr(tmp_path, capfd):
    for make in (golden.html, golden.truncated, golden.huge):
        fault(make(tmp_path / "bad.mp4"))
    assert capfd.readouterr().err == ""


def glyphs(image):
    """The digits in a picture of white figures on black, each 24 x 16."""
    white = image.mean(axis=-1) > 127
    edges = np.flatnonzero(np.diff(np.r_[0, white.any(axis=0).astype(int), 0]))
    for left, right in edges.reshape(-1, 2):
        part = white[:, left:right]
        part = part[part.any(axis=1).argmax() :][: part.any(axis=1).sum()]
        rows = np.linspace(0, part.shape[0] - 1, 24).astype(int)
        yield part[rows][:, np.linspace(0, part.shape[1] - 1, 16).astype(int)]


@pytest.mark.real_clips
def test_the_sampled_frames_of_the_numbered_clip_show_their_numbers():
    plain = pyav.VideoFile(str(NUMBERED)).decode_sequential(Sampling(1))
    shapes = [next(glyphs(f.to_ndarray(format="rgb24"))) for k, _, f in plain if k < 10]
    seen = []
    for index, _, frame in pyav.VideoFile(str(NUMBERED)).decode_sampled(Sampling(25)):
        found = glyphs(frame.to_ndarray(format="rgb24"))
        digits = [int(np.argmin([(g != shape).sum() for shape in shapes])) for g in found]
        seen.append((index, int("".join(map(str, digits)))))
    assert seen == [(k, k) for k in (0, 25, 50, 75, 100)]


def test_the_first_frames_of_a_cut_off_file_are_there_and_all_of_it_is_not(tmp_path: Path):
    path = str(golden.truncated(tmp_path / "cut.mp4", 0.6))
    (part,) = pyav.decode_frames(path, Sampling(1, first=3), None)
    assert [golden.number(p.transpose(1, 2, 0)) for p in part.pixels] == [0, 1, 2]
    with pytest.raises(DecodeError):
        list(pyav.decode_frames(path, Sampling(1, first=1000), None))
