"""Tables: every row is accounted for, whatever is in it."""

import csv
import datetime
import gzip
import json
import resource
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.traced import trace_peak

from data.errors import UserError
from data.records import Row
from engines.ingest.open_source import open_source

RECORDS = [
    {"videoID": "a/../b", "videoLoc": "clips/a.mp4", "txt": "a red circle"},
    {"videoID": "🦊 " * 150, "videoLoc": "/far/b.mp4", "txt": 'says "hi",\nthen leaves'},
    {"videoID": "c", "videoLoc": "s3://bucket/c.mp4", "txt": None},
]


def write_parquet(path: Path, records: list[dict]) -> None:
    pq.write_table(pa.Table.from_pylist(records), path)


def write_csv(path: Path, records: list[dict]) -> None:
    make = gzip.open if path.suffix == ".gz" else open
    with make(path, "wt", newline="") as file:
        writer = csv.DictWriter(
            file, list(records[0]), delimiter="\t" if ".tsv" in path.name else ","
        )
        writer.writeheader()
        writer.writerows(records)


def write_json_lines(path: Path, records: list[dict]) -> None:
    text = "".join(json.dumps(record) + "\n" for record in records)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())


WRITERS = {
    "x.parquet": write_parquet,
    "x.csv": write_csv,
    "x.tsv": write_csv,
    "x.csv.gz": write_csv,
    "x.jsonl": write_json_lines,
    "x.ndjson.gz": write_json_lines,
}


def read(src: object, columns: dict[str, str] | None = None) -> list[Row]:
    return list(open_source(str(src), columns))


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_the_same_rows(tmp_path: Path, name: str) -> None:
    WRITERS[name](tmp_path / name, RECORDS)
    assert read(tmp_path / name) == [
        Row(0, "a/../b", f"{tmp_path}/clips/a.mp4", "a red circle", {}),
        Row(1, "🦊 " * 150, "/far/b.mp4", 'says "hi",\nthen leaves', {}),
        Row(2, "c", "s3://bucket/c.mp4", None, {}),
    ]


@pytest.mark.parametrize("name", WRITERS)
def test_a_missing_column_is_told_with_what_there_is(tmp_path: Path, name: str) -> None:
    WRITERS[name](tmp_path / name, [{"id": "a", "videoLoc": "a.mp4", "caption": "x"}])
    with pytest.raises(UserError, match=r"'caption'.*--column txt=NAME --column videoID=NAME"):
        open_source(str(tmp_path / name))
    mapped = read(tmp_path / name, {"txt": "caption", "videoID": "id"})
    assert mapped == [Row(0, "a", f"{tmp_path}/a.mp4", "x", {})]
    bare = read(tmp_path / name, {"txt": "", "videoID": "id"})
    assert bare == [Row(0, "a", f"{tmp_path}/a.mp4", None, {"caption": "x"})]


def test_an_unknown_mapping_is_refused(tmp_path: Path) -> None:
    write_csv(tmp_path / "x.csv", RECORDS)
    with pytest.raises(UserError, match="'caption'"):
        read(tmp_path / "x.csv", {"caption": "txt"})


@pytest.mark.parametrize("name", ["x.parquet", "x.jsonl"])
def test_ids_of_other_types_become_text(tmp_path: Path, name: str) -> None:
    for ids, expected in (([7, 8], ["7", "8"]), ([7.0, float("nan")], ["7", None])):
        WRITERS[name](tmp_path / name, [{"videoID": i, "videoLoc": "a", "txt": 5} for i in ids])
        assert [(row.id, row.caption) for row in read(tmp_path / name)] == [
            (id, "5") for id in expected
        ]


def test_a_csv_keeps_leading_zeros(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("videoID;videoLoc;txt\n007;a.mp4;1.50\n")
    (row,) = read(tmp_path / "x.csv")
    assert (row.id, row.caption) == ("007", "1.50")


@pytest.mark.parametrize("caption", ["", "  ", "nan", "None", None, float("nan")])
@pytest.mark.parametrize("name", ["x.csv", "x.jsonl"])
def test_a_caption_that_says_nothing_is_none(tmp_path: Path, name: str, caption: object) -> None:
    WRITERS[name](tmp_path / name, [{"videoID": "a", "videoLoc": "a", "txt": caption}])
    assert read(tmp_path / name)[0].caption is None


def test_null_ids_and_locations_are_rows_too(tmp_path: Path) -> None:
    write_parquet(tmp_path / "x.parquet", [{"videoID": None, "videoLoc": "", "txt": "x"}])
    assert read(tmp_path / "x.parquet") == [Row(0, None, None, "x", {})]


def test_extra_columns_are_kept_as_json(tmp_path: Path) -> None:
    extra = {
        "when": datetime.datetime(2024, 1, 2, 3, 4, 5),
        "day": datetime.date(2024, 1, 2),
        "took": datetime.timedelta(seconds=1.5),
        "price": Decimal("1.10"),
        "score": float("inf"),
        "tags": ["a", None],
        "deep": {"x": float("nan"), "y": b"\x01"},
        "blob": b"x" * 100,
    }
    write_parquet(tmp_path / "x.parquet", [RECORDS[0] | extra])
    columns = read(tmp_path / "x.parquet")[0].columns
    assert json.loads(json.dumps(columns, allow_nan=False)) == {
        "when": "2024-01-02T03:04:05",
        "day": "2024-01-02",
        "took": 1.5,
        "price": "1.10",
        "score": None,
        "tags": ["a", None],
        "deep": {"x": None, "y": "01"},
        "blob": "<100 bytes>",
    }


def test_times_that_python_cannot_hold_are_kept_as_text(tmp_path: Path) -> None:
    times = {
        "fine": pa.array([123456789], pa.timestamp("ns")),
        "far": pa.array([9 * 10**18], pa.timestamp("us")),
    }
    known = {name: pa.array([value]) for name, value in RECORDS[0].items()}
    pq.write_table(pa.table(known | times), tmp_path / "x.parquet")
    (row,) = read(tmp_path / "x.parquet")
    assert row.columns["fine"] == "1970-01-01T00:00:00.123456"
    assert isinstance(row.columns["far"], str)


def test_text_that_is_not_utf8_is_a_failed_row_and_the_rest_goes_on(tmp_path: Path) -> None:
    raw = pa.array([b"\xff.mp4", b"b.mp4"]).view(pa.string())
    table = pa.table(
        {"videoID": pa.array(["a", "b"]), "videoLoc": raw, "txt": pa.array(["x", "y"])}
    )
    pq.write_table(table, tmp_path / "x.parquet")
    (tmp_path / "x.csv").write_bytes(b"videoID,videoLoc,txt\na,\xff.mp4,x\nb,b.mp4,y\n")
    for name in ("x.parquet", "x.csv"):
        bad, good = read(tmp_path / name)
        assert (bad.id, bad.uri) == (None, None)
        assert "not UTF-8" in str(bad.columns["error"])
        assert good.id == "b"


def test_ragged_lines_are_rows_with_an_error(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("videoID,videoLoc,txt\na,a.mp4\nb,b.mp4,x,y\n\nc,c.mp4,z\n")
    short, long, good = read(tmp_path / "x.csv")
    assert "line 2: 2 values" in str(short.columns["error"])
    assert "line 3: 4 values" in str(long.columns["error"])
    assert (long.id, long.uri, good.id, good.line) == (None, None, "c", 2)


def test_an_open_quote_does_not_swallow_the_file(tmp_path: Path) -> None:
    lines = ['a,a.mp4,"open', *(f"x{i},{'y' * 1000},z" for i in range(300))]
    (tmp_path / "x.csv").write_text("videoID,videoLoc,txt\n" + "\n".join(lines) + "\n")
    found = read(tmp_path / "x.csv")
    assert "line 2: its quote is not closed" in str(found[0].columns["error"])
    assert [row.id for row in found[1:]] == [f"x{i}" for i in range(300)]


def test_malformed_json_lines_are_rows_with_an_error(tmp_path: Path) -> None:
    good = json.dumps(RECORDS[0])
    bad = ["{", "[1]", "[" * 100_000, '{"videoID": "\\ud800", "videoLoc": "x", "txt": ""}']
    (tmp_path / "x.jsonl").write_text("\ufeff" + "\n".join([good, *bad, "", good]))
    found = read(tmp_path / "x.jsonl")
    assert [row.id for row in found] == ["a/../b", None, None, None, None, "a/../b"]
    assert [row.line for row in found] == list(range(6))
    assert "line 2: not JSON" in str(found[1].columns["error"])
    assert "not UTF-8" in str(found[4].columns["error"])
    json.dumps(found[4].columns).encode()


def test_a_folder_a_glob_and_braces_name_the_same_tables(tmp_path: Path) -> None:
    for i, name in enumerate(["part-00.parquet", "part-01.parquet", "part-02.parquet"]):
        write_parquet(tmp_path / name, [{"videoID": i, "videoLoc": "a", "txt": "x"}])
    (tmp_path / "_SUCCESS").touch()
    for src in (tmp_path, tmp_path / "*.parquet", tmp_path / "part-{00..02}.parquet"):
        assert [(row.line, row.id) for row in read(src)] == [(0, "0"), (1, "1"), (2, "2")]


def test_a_folder_named_like_a_table_is_read_as_a_folder(tmp_path: Path) -> None:
    (tmp_path / "out.parquet").mkdir()
    write_parquet(tmp_path / "out.parquet" / "part-0.parquet", RECORDS)
    assert len(read(tmp_path / "out.parquet")) == 3


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.parquet", b"not a table"),
        ("x.csv.gz", gzip.compress(b"videoID,videoLoc,txt\n" + b"a,b,c\n" * 99, mtime=0)[:-9]),
        ("x.jsonl", b""),
        ("x.csv", b"videoID,videoLoc,txt\n"),
        ("x.csv", b""),
        ("x.pickle", b"..."),
    ],
)
def test_an_unreadable_source_says_so(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=r"x\."):
        read(tmp_path / name)


@pytest.mark.parametrize(
    "name", ["no.csv", "no/such/folder", "*.csv", "a**b/*.csv", "s9://x/y.csv"]
)
def test_a_source_that_is_not_there_says_so(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError):
        open_source(name if "://" in name else str(tmp_path / name))


def _big_csv(path: Path, rows: int) -> None:
    with path.open("w") as file:
        file.write("videoID,videoLoc,txt\n")
        file.writelines(f"video-{i},clips/{i}.mp4,a caption of the clip {i}\n" for i in range(rows))


def _big_json_lines(path: Path, rows: int) -> None:
    line = '{"videoID": "video-%d", "videoLoc": "clips/%d.mp4", "txt": "a caption"}\n'
    with path.open("w") as file:
        file.writelines(line % (i, i) for i in range(rows))


def _big_parquet(path: Path, rows: int) -> None:
    ids = pa.array([f"video-{i}" for i in range(rows)])
    table = pa.table({"videoID": ids, "videoLoc": ids, "txt": ids})
    pq.write_table(table, path, row_group_size=5_000)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "write"),
    [("x.csv", _big_csv), ("x.jsonl", _big_json_lines), ("x.parquet", _big_parquet)],
)
def test_rows_stream(tmp_path: Path, name: str, write: Callable[[Path, int], None]) -> None:
    write(tmp_path / name, 20_000)
    pool = pa.default_memory_pool()
    before, peak = pool.bytes_allocated(), 0
    for row in open_source(str(tmp_path / name)):
        peak = max(peak, pool.bytes_allocated() - before) if row.line % 1000 == 0 else peak
    assert row.line == 19_999
    assert trace_peak(_read_all, str(tmp_path / name)) + peak < 2 << 20


def _read_all(source: str) -> None:
    for _ in open_source(source):
        pass


@pytest.mark.slow
def test_a_long_table_does_not_grow_the_process(tmp_path: Path) -> None:
    _big_csv(tmp_path / "x.csv", 300_000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert sum(1 for _ in open_source(str(tmp_path / "x.csv"))) == 300_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 32 << 10
