"""Moments become files, copied from a keyframe on or exact, with where they are from beside."""

import json
from pathlib import Path

import av
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support import golden

from data.errors import UserError
from data.records import Hit
from data.store import tables
from engines.files.time_span import TimeSpan, add_span
from engines.retrieve.cutter import list_moments
from engines.video.copying import copy_span
from flows.cut import cut

pytestmark = pytest.mark.usefixtures("plain_flows")
KEYS = {"g": "10", "keyint_min": "10", "sc_threshold": "0"}  # a keyframe each 0.4 s


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds of numbered frames, with sound."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    return golden.clip(path, frames=100, options=KEYS, audio=True)


def hits(path: Path, *rows: dict) -> str:
    """A table of hits with these moments."""
    usual = {"prompt_id": "p/1", "prompt": "a wave", "score": 0.5, "caption": None}
    full = [usual | {"rank": n, "video_id": f"v {n}"} | row for n, row in enumerate(rows, 1)]
    pq.write_table(pa.Table.from_pylist(full, tables.HITS), path)
    return str(path)


def shown(file: Path) -> tuple[list[int], int]:
    """The numbers of the frames that a player shows, and how many streams there are."""
    with av.open(str(file)) as container:
        pictures = container.decode(video=0)
        numbers = [golden.number(picture.to_ndarray(format="rgb24")) for picture in pictures]
        return numbers, len(container.streams)


def test_moments_are_cut_once_with_their_provenance(workspace, film: Path, tmp_path: Path) -> None:
    span = {"uri": str(film), "start_sec": 1.32, "end_sec": 2.4}
    missing = span | {"uri": str(tmp_path / "gone.mp4")}
    whole = span | {"start_sec": None, "end_sec": None}
    table = hits(tmp_path / "hits.parquet", span, missing, whole)
    made = cut(table, str(tmp_path / "copied"))
    assert (made["moments"], made["cut"], made["failed"]) == (2, 1, {"missing": 1})
    (about,) = (json.loads(file.read_text()) for file in (tmp_path / "copied").glob("*.json"))
    numbers, streams = shown(tmp_path / "copied" / about["file"])
    assert numbers[0] == 30 and set(range(33, 60)) <= set(numbers) and numbers[-1] <= 62
    assert streams == 2 and about["how"] == "copied"
    assert about["shows"]["start_sec"] == pytest.approx(1.2, abs=0.001)
    assert about["hit"]["uri"] == str(film) and about["hit"]["start_sec"] == 1.32
    before = (tmp_path / "copied" / about["file"]).stat().st_mtime_ns
    assert cut(table, str(tmp_path / "copied"))["cut"] == 0
    assert (tmp_path / "copied" / about["file"]).stat().st_mtime_ns == before

    # Another search's moments may have the same names.
    later = hits(tmp_path / "later.parquet", span | {"start_sec": 0.4, "end_sec": 0.8})
    assert cut(later, str(tmp_path / "copied"))["cut"] == 1
    (about,) = (json.loads(file.read_text()) for file in (tmp_path / "copied").glob("*.json"))
    assert about["hit"]["start_sec"] == 0.4
    assert shown(tmp_path / "copied" / about["file"])[0][0] == 10

    cut(table, str(tmp_path / "exact"), exact=True)
    (about,) = (json.loads(file.read_text()) for file in (tmp_path / "exact").glob("*.json"))
    numbers, streams = shown(tmp_path / "exact" / about["file"])
    assert numbers == list(range(33, 60)) and streams == 2 and about["how"] == "encoded"


def test_moments_of_one_name_are_all_cut() -> None:
    about = {"prompt": "", "score": 0.5, "uri": "a.mp4", "caption": None}
    twice = Hit(prompt_id="a-1", rank=1, video_id="b", start_sec=0.0, end_sec=1.0, **about)
    other = Hit(prompt_id="a", rank=1, video_id="1-b", start_sec=1.0, end_sec=2.0, **about)
    moments = list_moments([twice, other, twice])
    assert [each.id for each in moments] == ["a-1-1-b", "a-1-1-b-2", "a-1-1-b-3"]


def test_a_table_without_moments_is_refused(workspace, film: Path, tmp_path: Path) -> None:
    whole = hits(tmp_path / "hits.parquet", {"uri": str(film)})
    with pytest.raises(UserError, match="no moments"):
        cut(whole, str(tmp_path / "out"))
    with pytest.raises(UserError, match="no table of hits"):
        cut(str(film), str(tmp_path / "out"))


@pytest.mark.parametrize(
    ("name", "codec", "suffix"),
    [("a.mkv", "libx264", ".mkv"), ("a.webm", "libvpx-vp9", ".mkv"), ("a.ts", "libx264", ".ts"),
     ("a.avi", "mpeg4", ".mkv")],
)  # fmt: skip
def test_copies_stay_in_a_container_that_takes_them(
    tmp_path: Path, name: str, codec: str, suffix: str
) -> None:
    source = golden.clip(tmp_path / name, frames=50, codec=codec, options={"g": "10"})
    copied = copy_span(str(source), tmp_path / "copy", 1.0, 1.5)
    assert copied.file.suffix == suffix and copied.start <= 1.0 and copied.end >= 1.48
    numbers, _ = shown(copied.file)
    assert set(range(25, 37)) <= set(numbers) and numbers[0] >= 15


def test_a_moment_of_a_span_is_cut_from_its_file(workspace, film: Path, tmp_path: Path) -> None:
    uri = add_span(str(film), TimeSpan(2.0, 3.5))
    table = hits(tmp_path / "hits.parquet", {"uri": uri, "start_sec": 0.4, "end_sec": 1.2})
    cut(table, str(tmp_path / "out"), exact=True)
    (file,) = (tmp_path / "out").glob("*.mp4")
    assert shown(file)[0] == list(range(60, 80))
