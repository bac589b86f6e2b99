import hashlib
from fractions import Fraction

import pytest
from support import golden

from data.outcome import Done, Failed
from data.records import Video
from engines.video.frames import DecodeError
from engines.video.probe import Prober, probe_video
from engines.worker import WorkerSetup


def test_a_probe_says_what_is_shown(tmp_path):
    path = golden.clip(tmp_path / "plain.mp4")
    found = probe_video(str(path))
    assert found.bytes == path.stat().st_size
    assert found.content == "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()
    assert (found.width, found.height, found.rotation) == (96, 64, 0)
    assert (found.duration, found.fps, found.codec) == (2.0, 25.0, "h264")


def test_size_is_that_of_the_displayed_picture(tmp_path):
    turned = probe_video(str(golden.turned(tmp_path / "turned.mp4", golden.CLOCKWISE)))
    assert (turned.width, turned.height, turned.rotation) == (64, 96, 90)
    wide = probe_video(str(golden.clip(tmp_path / "wide.mp4", aspect=Fraction(2))))
    assert (wide.width, wide.height) == (192, 64)


def test_a_duration_that_no_header_states_is_that_of_the_packets(tmp_path):
    path = golden.clip(tmp_path / "live.mkv", format="matroska", muxer={"live": "1"})
    assert probe_video(str(path)).duration == 2.0


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (golden.zero_bytes, "empty"),
        (golden.html, "undecodable"),
        (golden.audio_only, "undecodable"),
        (golden.truncated, "undecodable"),
        (golden.lying, "undecodable"),
        (golden.huge, "undecodable"),
    ],
)
def test_bad_files_are_typed_faults(tmp_path, make, reason):
    with pytest.raises(DecodeError) as fault:
        probe_video(str(make(tmp_path / "bad.mp4")))
    assert fault.value.reason == reason


def test_the_prober_answers_for_every_item_in_order(tmp_path):
    good = str(golden.clip(tmp_path / "plain.mp4"))
    prober = Prober(WorkerSetup(decoders=2))
    prober.load()
    try:
        items = [("a", good), ("b", str(tmp_path / "no.mp4")), ("c", "fake://c"), ("d", good)]
        found = list(prober.run([Video(id, uri, "") for id, uri in items]))
    finally:
        prober.close()
    assert [outcome.id for outcome in found] == ["a", "b", "c", "d"]
    assert [type(outcome) for outcome in found] == [Done, Failed, Done, Done]
    assert found[1].reason == "missing"
    assert found[0].value == probe_video(good)
