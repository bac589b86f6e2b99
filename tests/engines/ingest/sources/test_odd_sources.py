"""What strange tables, tars and folders mean: the right thing, or a row that says what is wrong."""

import io
import json
import tarfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support import golden
from support.paths import CASES, NO_CASES

from data.errors import UserError
from data.records import Row
from engines.files.access import UrlPolicy
from engines.files.media import open_media, stat_media
from engines.ingest.open_source import open_source
from engines.video.probe import probe_video

needs_cases = pytest.mark.skipif(not CASES.is_dir(), reason=NO_CASES)
KNOWN = {"videoID": "a", "videoLoc": "a.mp4", "txt": "x"}


def read(source: object, columns: dict[str, str] | None = None) -> list[Row]:
    return list(open_source(str(source), columns))


def write_lines(path: Path, *records: object) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def make(path: Path, members: list[tuple[str, bytes]]) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, body in members:
            info = tarfile.TarInfo(name)
            info.size = len(body)
            tar.addfile(info, io.BytesIO(body))
    return path


def error(row: Row) -> str:
    assert row.uri is None
    return str(row.columns["error"])


@needs_cases
def test_the_odd_sources() -> None:
    assert [row.caption for row in read(CASES / "dots.tar")] == ["A", "B"]
    (row,) = read(CASES / "captions.jsonl")
    assert row.caption == "a red box"
    assert row.columns == {"captions": ["a red box", "a box that is red"]}
    assert {row.columns["lang"] for row in read(CASES / "hive")} == {"en"}


def test_captions_in_a_tar_belong_to_the_video_of_their_name(tmp_path: Path) -> None:
    parts = [
        (f"Track 2.{n}.{ending}", body)
        for n in (0, 1, 2)
        for ending, body in (
            ("mp4", b"v"),
            ("txt", f"text {n}".encode()),
            ("json", json.dumps({"n": n}).encode()),
        )
    ]
    for members in (parts, parts[::-1], sorted(parts, key=lambda part: part[0][-3:])):
        rows = read(make(tmp_path / "x.tar", members))
        found = {row.id: (row.caption, row.columns) for row in rows}
        assert found == {f"Track 2.{n}": (f"text {n}", {"n": n}) for n in (0, 1, 2)}


def test_a_caption_whose_video_is_missing_is_no_other_videos(tmp_path: Path) -> None:
    members = [("v.0.mp4", b"0"), ("v.1.mp4", b"1"), ("v.0.txt", b"zero"), ("v.2.txt", b"two")]
    zero, one, lost = read(make(tmp_path / "x.tar", members))
    assert (zero.caption, one.caption) == ("zero", None)
    assert "v.2.txt has no video" in error(lost)


def test_a_name_that_occurs_twice_in_a_tar_is_two_samples(tmp_path: Path) -> None:
    members = [("a.mp4", b"1"), ("a.txt", b"one"), ("a.mp4", b"2"), ("a.txt", b"two")]
    rows = read(make(tmp_path / "x.tar", members))
    assert [(open_media(row.uri).read(), row.caption) for row in rows if row.uri] == [
        (b"1", "one"), (b"2", "two"),
    ]  # fmt: skip


def test_a_column_that_occurs_twice(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("videoID,videoLoc,txt,n,n\na,a.mp4,x,1,2\n")
    (row,) = read(tmp_path / "x.csv")
    assert row.columns == {"n": "1", "n_2": "2"}
    (tmp_path / "x.csv").write_text("videoID,videoLoc,txt,txt\na,a.mp4,x,y\n")
    with pytest.raises(UserError, match="2 columns 'txt'"):
        read(tmp_path / "x.csv")
    columns = [pa.array([value]) for value in ("a", "a.mp4", "x", "y")]
    table = pa.Table.from_arrays(columns, ["videoID", "videoLoc", "txt", "txt"])
    pq.write_table(table, tmp_path / "x.parquet")
    with pytest.raises(UserError, match="2 columns 'txt'"):
        read(tmp_path / "x.parquet")
    (tmp_path / "x.jsonl").write_text('{"videoID": "a", "videoLoc": "a.mp4", "txt": 1, "txt": 2}\n')
    assert "'txt' occurs twice" in error(read(tmp_path / "x.jsonl")[0])


@pytest.mark.parametrize("name", ["videoID", "videoLoc", "txt"])
@pytest.mark.parametrize("value", [True, {"en": "x"}, [["x"]], [{"a": 1}], [True]])
def test_values_that_are_no_text_are_refused_row_by_row(tmp_path: Path, name, value) -> None:
    bad, good = read(write_lines(tmp_path / "x.jsonl", KNOWN | {name: value}, KNOWN))
    assert name in error(bad) and "instead of text" in error(bad)
    assert (good.id, good.caption) == ("a", "x")


@pytest.mark.parametrize("name", ["x.jsonl", "x.parquet"])
def test_a_list_of_captions_is_its_first_and_all_are_kept(tmp_path: Path, name: str) -> None:
    lists: list[list[str | None]] = [["", "one", None, "two"], ["only"], []]
    records = [KNOWN | {"txt": each} for each in lists]
    if name == "x.jsonl":
        write_lines(tmp_path / name, *records)
    else:
        pq.write_table(pa.Table.from_pylist(records), tmp_path / name)
    several, single, none = read(tmp_path / name)
    assert (several.caption, several.columns) == ("one", {"captions": ["one", "two"]})
    assert (single.caption, single.columns) == ("only", {})
    assert (none.caption, none.columns) == (None, {})


def test_sidecars_may_have_lists_too(tmp_path: Path) -> None:
    for name, body in (("a.mp4", b"v"), ("a.json", b'{"caption": ["one", "two"], "n": 1}')):
        (tmp_path / name).write_bytes(body)
    (row,) = read(tmp_path)
    assert (row.caption, row.columns) == ("one", {"n": 1, "captions": ["one", "two"]})
    (row,) = read(
        make(tmp_path / "x.tar", [(n, (tmp_path / n).read_bytes()) for n in ("a.json", "a.mp4")])
    )
    assert (row.caption, row.columns) == ("one", {"n": 1, "captions": ["one", "two"]})


def test_videos_in_a_table_simply_work(tmp_path: Path) -> None:
    clips = [golden.clip(tmp_path / f"{n}.mp4", frames=10 + n) for n in range(20)]
    records = [
        {
            "video": {"bytes": clip.read_bytes(), "path": f"sub dir/{clip.name}"},
            "caption": clip.stem,
        }
        for clip in clips
    ]
    records += [{"video": {"bytes": None, "path": "3.mp4"}, "caption": "by its path"}]
    records += [{"video": None, "caption": "none"}]
    path = tmp_path / "train-00000.parquet"
    pq.write_table(pa.Table.from_pylist(records), path, row_group_size=6)
    columns = {"videoLoc": "video", "videoID": "video.path", "txt": "caption"}
    rows = read(path, columns)
    assert [row.caption for row in rows] == [r["caption"] for r in records]
    assert rows[4].id == "sub dir/4.mp4" and rows[4].columns == {}
    assert rows[20].uri == f"{tmp_path}/3.mp4" and rows[21].uri is None
    for n in (0, 1, 2, 13, 5, 19):  # in order, and not
        uri = rows[n].uri or ""
        assert open_media(uri).read() == clips[n].read_bytes()
        assert stat_media(uri)[0] == clips[n].stat().st_size
        assert probe_video(uri).duration == pytest.approx((10 + n) / 25)
    assert UrlPolicy().find_rejection(rows[0].uri or "") is None
    far = (rows[0].uri or "").replace(str(path), "http://10.0.0.1/x.parquet")
    assert UrlPolicy(("http",)).find_rejection(far)


def test_a_binary_column_holds_videos_or_paths(tmp_path: Path) -> None:
    clip = golden.clip(tmp_path / "a.mp4", frames=10)
    table = pa.table({"videoID": ["in", "by path"], "videoLoc": [clip.read_bytes(), b"a.mp4"],
                      "txt": ["x", "y"]})  # fmt: skip
    pq.write_table(table, tmp_path / "x.parquet")
    inside, beside = read(tmp_path / "x.parquet")
    assert open_media(inside.uri or "").read() == clip.read_bytes()
    assert beside.uri == str(clip)


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet", "mp4", "tar"])
def test_folders_that_hive_names_are_columns(tmp_path: Path, ending: str) -> None:
    for n, folder in enumerate(
        ("lang=en/year=2024", "lang=pt%20br/year=__HIVE_DEFAULT_PARTITION__")
    ):
        file = tmp_path / folder / f"{n}.{ending}"
        file.parent.mkdir(parents=True)
        if ending == "csv":
            file.write_text(f"videoID,videoLoc,txt\n{n},a.mp4,x\n")
        elif ending == "jsonl":
            write_lines(file, KNOWN | {"videoID": n})
        elif ending == "parquet":
            pq.write_table(pa.Table.from_pylist([KNOWN | {"videoID": str(n)}]), file)
        elif ending == "tar":
            make(file, [(f"{n}.mp4", b"v")])
        else:
            file.write_bytes(b"v")
    assert [row.columns for row in read(tmp_path)] == [
        {"lang": "en", "year": "2024"}, {"lang": "pt br", "year": None},
    ]  # fmt: skip


def test_a_partition_may_be_the_caption_and_a_files_own_column_comes_first(tmp_path: Path) -> None:
    folder = tmp_path / "label=cats" / "n=1"
    folder.mkdir(parents=True)
    (folder / "x.csv").write_text("videoID,videoLoc,n\na,a.mp4,2\n")
    (row,) = read(tmp_path, {"txt": "label"})
    assert (row.caption, row.columns) == ("cats", {"n": "2"})


@pytest.mark.parametrize("form", ["file:{}", "file://{}", "file://localhost{}", "FILE://{}"])
def test_file_urls_in_all_spellings(tmp_path: Path, form: str) -> None:
    clip = golden.clip(tmp_path / "a b" / "ü.mp4", frames=10)
    url = form.format(str(clip).replace(" ", "%20").replace("ü", "%C3%BC"))
    table = write_lines(tmp_path / "a b" / "x.jsonl", KNOWN | {"videoLoc": url})
    assert [row.uri for row in read(table)] == [str(clip)]
    for source in (table, clip, clip.parent, f"{clip.parent}/*.mp4"):
        given = form.format(str(source).replace(" ", "%20"))
        assert [row.uri for row in read(given)] == [str(clip)]
    assert open_media(url).read() == clip.read_bytes()
    assert stat_media(url) == stat_media(str(clip))
    assert probe_video(url).duration == pytest.approx(0.4)


def test_a_name_with_a_percent_sign_is_found_too(tmp_path: Path) -> None:
    clip = golden.clip(tmp_path / "100%25.mp4", frames=10)
    assert open_media(f"file://{clip}").read() == clip.read_bytes()


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("name", ["x.csv", "x.jsonl"])
def test_utf_16_tables_are_called_so(tmp_path: Path, name: str, encoding: str) -> None:
    text = "videoID,videoLoc,txt\na,a.mp4,x\n" if name == "x.csv" else json.dumps(KNOWN)
    (tmp_path / name).write_bytes(text.encode(encoding))
    with pytest.raises(UserError, match="UTF-16"):
        read(tmp_path / name)


def test_a_caption_file_in_utf_16_is_read_and_another_encoding_is_named(tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mp4"):
        (tmp_path / name).write_bytes(b"v")
    (tmp_path / "a.txt").write_bytes("ein Bär".encode("utf-16"))
    (tmp_path / "b.txt").write_bytes("ein Bär".encode("latin-1"))
    right, wrong = read(tmp_path)
    assert (right.caption, right.columns) == ("ein Bär", {})
    assert "UTF-8" in str(wrong.columns["caption_error"])


def test_fields_of_any_length_and_of_several_lines(tmp_path: Path) -> None:
    long = "word " * 200_000
    lines = f'videoID,videoLoc,txt\na,a.mp4,"{long}"\n'
    lines += 'b,b.mp4,"one\ntwo ""2""\n\nthree"\nc,c.mp4,5" box\n'
    (tmp_path / "x.csv").write_text(lines, newline="")
    rows = read(tmp_path / "x.csv")
    assert [row.caption for row in rows] == [long, 'one\ntwo "2"\n\nthree', '5" box']


def test_an_open_quote_at_the_end_costs_its_own_row_alone(tmp_path: Path) -> None:
    (tmp_path / "y.csv").write_text('videoID,videoLoc,txt\na,a.mp4,x\nb,b.mp4,"open\nc,c.mp4,z')
    good, bad, last = read(tmp_path / "y.csv")
    assert (good.id, last.id) == ("a", "c")
    assert "line 3: its quote is not closed" in error(bad)
