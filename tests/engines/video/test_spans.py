"""Spans: what is decoded is what the whole file shows in those seconds, read only there."""

import tarfile
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support import golden

from engines.files.time_span import TimeSpan, add_span, read_span, split_span
from engines.files.values import NotText
from engines.ingest.open_source import open_source
from engines.video import shared_open
from engines.video.decoders.pyav import decode_frames
from engines.video.frames import DecodeError, Sampling
from engines.video.probe import hash_file, probe_video

X264 = {"g": "30", "keyint_min": "30", "sc_threshold": "0"}
MPEG = {"g": "24", "bf": "2"}
KINDS = {
    "closed.mp4": {"options": X264 | {"bf": "3"}},
    "open_pyramid.mp4": {"options": X264 | {"bf": "3", "x264-params": "open-gop=1:b-pyramid=2"}},
    "uneven.mp4": {"options": X264, "times": [33 * k + 7 * (k % 5) for k in range(120)]},
    "interlaced.mp4": {"options": X264 | {"x264-params": "interlaced=1"}},
    "parts.mp4": {"options": X264, "muxer": {"movflags": "frag_keyframe+empty_moov"}},
    "h264.mkv": {"options": X264 | {"x264-params": "open-gop=1"}},
    "h264.ts": {"options": X264},
    "live.mkv": {"options": X264, "muxer": {"live": "1"}},
    "mpeg4.avi": {"codec": "mpeg4", "options": MPEG},
    "mpeg2.mkv": {"codec": "mpeg2video", "options": MPEG},
    "vp8.webm": {"codec": "libvpx", "options": {"deadline": "realtime", "cpu-used": "8"}},
}
SPANS = ((0.0, 1.0), (1.0, 2.5), (1.37, 1.9), (2.5, 3.2), (3.3, None))
NTH = Sampling(every_nth=1)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("spans")
    return {
        name: golden.clip(folder / name, **({"frames": 120, "fps": 30} | how))
        for name, how in KINDS.items()
    }


def read(uri: str, sampling: Sampling = NTH) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    parts = list(decode_frames(uri, sampling, None))
    return tuple(
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("index", "seconds", "pixels")
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_span_is_what_its_file_shows_there(files: dict[str, Path], kind: str):
    path = str(files[kind])
    _, times, pixels = read(path)
    for start, end in SPANS:
        here = (times >= start - 5e-4) & (times < (end or 1e9) - 5e-4)
        uri = add_span(path, TimeSpan(start, end))
        index, seconds, got = read(uri)
        assert index.tolist() == list(range(here.sum()))
        np.testing.assert_allclose(seconds, times[here] - times[here][0], atol=1e-6)
        np.testing.assert_array_equal(got, pixels[here])
        few = read(uri, Sampling(every_nth=7))
        np.testing.assert_array_equal(few[2], got[::7])
        window = read(uri, Sampling(None, 10.0, start_s=0.1, count=3))
        assert len(window[0]) == 3 and 0 < window[1][0] <= 0.134


def test_only_the_span_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = golden.clip(tmp_path / "long.mp4", 1000, options={"g": "25", "bf": "2"})
    counts, add = [], shared_open.PacketTotals.add
    monkeypatch.setattr(
        shared_open.PacketTotals, "add", lambda self, packet: counts.append(1) or add(self, packet)
    )
    _, _, pixels = read(f"{path}#t=30,31")
    assert [golden.number(each.transpose(1, 2, 0)) for each in pixels] == list(range(750, 775))
    assert len(counts) < 150  # of 1000


def test_spans_of_a_file_share_the_open(files: dict[str, Path], monkeypatch: pytest.MonkeyPatch):
    opened, real = [], shared_open.open_video
    monkeypatch.setattr(
        shared_open, "open_video", lambda *args: opened.append(args[0]) or real(*args)
    )
    path = str(files["closed.mp4"])
    spans = [add_span(path, TimeSpan(a, b)) for a, b in pairwise((0.0, 1.0, 2.0, 3.0))]
    both = zip(*(decode_frames(uri, NTH, None, 4) for uri in spans[:2]), strict=True)
    assert all((a.pixels != b.pixels).any() for a, b in both)  # two at once: one open each
    shared = [read(uri)[2] for uri in spans]
    assert len(opened) == 2
    path.encode()
    files["closed.mp4"].touch()
    np.testing.assert_array_equal(read(spans[2])[2], shared[2])
    assert len(opened) == 3  # another file, for all that is known


def test_identity_is_the_file_and_the_span(files: dict[str, Path]):
    path = str(files["closed.mp4"])
    whole, size = hash_file(path)
    probes = {span: probe_video(f"{path}#t={span}") for span in ("1,2", "1.0,2.0", "1,3", "3")}
    contents = {probe.content for probe in probes.values()}
    assert len(contents) == 3 and all(each.startswith(f"{whole}#t=") for each in contents)
    assert probes["1,2"] == probes["1.0,2.0"]
    assert [round(probe.duration, 2) for probe in probes.values()] == [1, 1, 2, 1]
    of_file = probe_video(path)
    assert of_file.content == whole and of_file.duration == pytest.approx(4.0, abs=0.05)
    assert {(p.bytes, p.width, p.fps) for p in probes.values()} == {(size, 96, of_file.fps)}


@pytest.mark.parametrize("kind", ["closed.mp4", "interlaced.mp4", "h264.ts", "mpeg4.avi"])
@pytest.mark.parametrize("span", ["3,9", "5", "90,91"])
def test_a_span_beyond_the_end_is_rejected(files: dict[str, Path], kind: str, span: str):
    for use in (read, probe_video):
        with pytest.raises(DecodeError) as error:
            use(f"{files[kind]}#t={span}")
        assert error.value.reason == "rejected" and "--column" in str(error.value)


def test_a_span_between_two_frames_is_empty(files: dict[str, Path]):
    with pytest.raises(DecodeError) as error:
        read(f"{files['closed.mp4']}#t=1.005,1.01")
    assert error.value.reason == "empty"


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (None, None, None), ("", "", None), (float("nan"), None, None), (0, None, None),
        (0, 5, "#t=0,5"), ("2.50", "7", "#t=2.5,7"), (None, 3, "#t=0,3"), (4, None, "#t=4"),
        (np.float32(12.34), 20, "#t=12.34,20"), ("0:01:02.5", "1:02:03", "#t=62.5,3723"),
    ],
)  # fmt: skip
def test_spans_as_tables_state_them(start: object, end: object, expected: str | None):
    span = read_span(start, end)
    assert (span and str(span)) == expected
    assert split_span(add_span("a.mp4", span)) == ("a.mp4", span)


@pytest.mark.parametrize(
    ("start", "end"), [(5, 2), (5, 5), (-1, 2), ("soon", 2), (0, float("inf")), ([1], 2)]
)
def test_what_is_no_span_says_so(start: object, end: object):
    with pytest.raises(NotText):
        read_span(start, end)


def test_a_file_of_such_a_name_is_no_span():
    for name in ("a#t=9,3", "b.mp4#t=", "c#t=1,2.mp4", "d#1:2"):
        assert split_span(name) == (name, None)


def test_rows_of_every_kind_of_source_may_be_spans(files: dict[str, Path], tmp_path: Path):
    film, columns = files["closed.mp4"], {"start_sec": "from", "end_sec": "to"}
    (tmp_path / "rows.csv").write_text(f"videoID,videoLoc,txt,from,to\na,{film},x,1.0,2\n")
    with tarfile.open(tmp_path / "films.tar", "w") as tar:
        for name, content in (("a.json", b'{"from": 1, "to": 2.0}'), ("a.mp4", film.read_bytes())):
            (tmp_path / name).write_bytes(content)
            tar.add(tmp_path / name, name)
    held = pa.array([{"bytes": film.read_bytes(), "path": "a.mp4"}])
    cells = {"video": held, "txt": ["x"], "videoID": ["a"], "from": [1.0], "to": [2.0]}
    pq.write_table(pa.table(cells), tmp_path / "cells.parquet")
    whole = read(str(film))[2]
    renamed = {"cells.parquet": {"videoLoc": "video"}}
    for source in ("rows.csv", "films.tar", "cells.parquet"):
        (row,) = open_source(str(tmp_path / source), columns | renamed.get(source, {}))
        assert row.uri is not None and row.uri.endswith("#t=1,2"), source
        np.testing.assert_array_equal(read(row.uri)[2], whole[30:60])
        assert hash_file(row.uri)[0] == f"{hash_file(str(film))[0]}#t=1,2"
