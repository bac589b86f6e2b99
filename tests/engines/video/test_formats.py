"""The formats that open, and those that would open other files, whatever a file is called."""

import io
from pathlib import Path

import pytest
from support import golden

from engines.video import container
from engines.video.decoders import pyav
from engines.video.frames import DecodeError, Sampling
from engines.video.probe import probe_video

ENDINGS = {
    ".mp4": {}, ".m4v": {"format": "mp4"}, ".mov": {}, ".mkv": {}, ".avi": {"codec": "mpeg4"},
    ".webm": {"codec": "libvpx"}, ".ts": {},
    ".m2ts": {"format": "mpegts", "muxer": {"mpegts_m2ts_mode": "1"}},
    ".mts": {"format": "mpegts"}, ".flv": {}, ".f4v": {"format": "f4v"},
    ".mpg": {"codec": "mpeg1video"}, ".mpeg": {"codec": "mpeg2video", "format": "vob"},
    ".vob": {"codec": "mpeg2video"}, ".ogv": {"codec": "libvpx", "format": "ogg"},
    ".gif": {"codec": "gif", "pix_fmt": "rgb8"}, ".wmv": {"codec": "wmv2", "format": "asf"},
    ".asf": {"codec": "wmv2"}, ".3gp": {"codec": "mpeg4", "format": "3gp"},
    ".3g2": {"format": "3g2"},
    ".mxf": {"codec": "mpeg2video"}, ".y4m": {"codec": "wrapped_avframe", "format": "yuv4mpegpipe"},
    ".ivf": {"codec": "libvpx"}, ".nut": {}, ".h264": {"format": "h264"},
}  # fmt: skip


def count_frames(path: Path) -> int:
    return sum(len(part.index) for part in pyav.decode_frames(str(path), Sampling(1), None))


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_format_of_videos_opens_by_any_name(tmp_path: Path, ending: str) -> None:
    path = golden.clip(tmp_path / f"clip{ending}", frames=12, **ENDINGS[ending])
    assert count_frames(path) >= 11
    assert probe_video(str(path)).width == 96
    other = path.rename(tmp_path / "clip.bin")
    assert count_frames(other) >= 11


HLS = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nsecret.mp4\n#EXT-X-ENDLIST\n"
DASH = (
    '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"'
    ' mediaPresentationDuration="PT1S" profiles="urn:mpeg:dash:profile:isoff-on-demand:2011">'
    '<Period><AdaptationSet><Representation id="1" mimeType="video/mp4" bandwidth="1">'
    "<BaseURL>secret.mp4</BaseURL></Representation></AdaptationSet></Period></MPD>"
)
SDP = "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n"
SCRIPTS = {
    "hls.mp4": HLS,
    "dash.mp4": DASH,
    "sdp.mp4": SDP,
    "concat.mp4": "ffconcat version 1.0\nfile secret.mp4\n",
    "subtitles.mp4": "1\n00:00:00,000 --> 00:00:01,000\nhello\n",
    "metadata.mp4": ";FFMETADATA1\ntitle=x\n",
    "still-%d.jpg": "8 bytes.",
    "still-%03d.png": "8 bytes.",
    "*.jpg": "8 bytes.",
    "tty.ans": "\x1b[31mhello\n" * 40,
    "svg.mp4": '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
    "sample.txt": "8 bytes.",
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_what_refers_to_other_files_opens_none(tmp_path: Path, name: str) -> None:
    from PIL import Image

    golden.clip(tmp_path / "secret.mp4")
    for n in range(3):
        Image.new("RGB", (96, 64)).save(tmp_path / f"still-{n}.jpg")
        Image.new("RGB", (96, 64)).save(tmp_path / f"still-{n:03d}.png")
    path = tmp_path / name
    path.write_text(SCRIPTS[name])
    for read in (count_frames, lambda path: probe_video(str(path))):
        with pytest.raises(DecodeError) as fault:
            read(path)
        assert fault.value.reason == "undecodable"


def test_a_still_picture_is_no_video(tmp_path: Path) -> None:
    from PIL import Image

    content = io.BytesIO()
    Image.new("RGB", (96, 64)).save(content, "JPEG")
    (tmp_path / "cover.mp4").write_bytes(content.getvalue())
    with pytest.raises(DecodeError) as fault:
        count_frames(tmp_path / "cover.mp4")
    assert fault.value.reason == "undecodable" and "format" in str(fault.value)


def test_the_list_holds_formats_that_libav_has() -> None:
    import av

    known = {part for name in av.formats_available for part in name.split(",")}
    assert not {"concat", "hls", "dash", "image2", "lavfi", "sdp"} & set(container.FORMATS)
    assert set(container.FORMATS) <= known
