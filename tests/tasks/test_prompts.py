import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.errors import UserError
from data.records import Prompt
from tasks.prompts import build_prompts, read_prompts


def lines(folder: Path, *rows: dict) -> str:
    path = folder / "prompts.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def test_lines_are_named_by_their_place_as_wide_as_the_last(tmp_path: Path) -> None:
    path = tmp_path / "p.txt"
    path.write_text(" one \ntwo\n")
    assert read_prompts(str(path)) == [Prompt("000", "one"), Prompt("001", "two")]
    assert build_prompts(["x"] * 1001)[-1].id == "1000"
    assert build_prompts(["x"] * 1001)[0].id == "0000"


@pytest.mark.parametrize("names", [("videoID", "txt"), ("id", "prompt"), ("id", "text")])
def test_tables_and_json_lines_say_the_same(tmp_path: Path, names: tuple[str, str]) -> None:
    id, text = names
    table = tmp_path / "p.parquet"
    pq.write_table(pa.table({id: [7, 8], text: ["one", "two"], "where": ["fps > 20", None]}), table)
    rows = lines(tmp_path, {id: 7, text: "one", "where": "fps > 20"}, {id: 8, text: "two"})
    columns = {id: "7", text: "one", "where": "fps > 20"}
    wanted = [
        Prompt("7", "one", None, "fps > 20", columns),
        Prompt("8", "two", columns={id: "8", text: "two"}),
    ]
    assert read_prompts(str(table)) == read_prompts(rows) == wanted


def test_rows_without_ids_are_numbered(tmp_path: Path) -> None:
    found = read_prompts(lines(tmp_path, {"txt": "one"}, {"txt": "two"}))
    assert [prompt.id for prompt in found] == ["000", "001"]


def test_a_first_frame_lies_beside_the_file_that_names_it(tmp_path: Path) -> None:
    rows = lines(tmp_path, {"txt": "one", "image": "a/b.png"}, {"txt": "two", "image": "s3://b/c"})
    here, there = read_prompts(rows)
    assert (here.image, there.image) == (str((tmp_path / "a/b.png").resolve()), "s3://b/c")


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([{"id": "a", "txt": "x"}, {"id": "a", "txt": "y"}], "'a' twice"),
        ([{"id": "a", "txt": " "}], "'a'"),
        ([{"id": "a", "caption": "x"}], "videoID"),
        ([], "prompts"),
    ],
)
def test_what_no_run_can_begin_with_is_named(tmp_path: Path, rows: list, said: str) -> None:
    with pytest.raises(UserError, match=said):
        read_prompts(lines(tmp_path, *rows))


@pytest.mark.parametrize("text", ["{not json", "[1]"])
def test_a_broken_line_is_named_by_its_number(tmp_path: Path, text: str) -> None:
    path = tmp_path / "p.jsonl"
    path.write_text(f'{{"txt": "x"}}\n{text}\n')
    with pytest.raises(UserError, match="line 2"):
        read_prompts(str(path))


def test_what_is_no_text_and_no_table_is_said_to_be_none(tmp_path: Path) -> None:
    for name, said in (("p.txt", "UTF-8"), ("p.parquet", "Parquet"), ("q.txt", "q.txt")):
        if name != "q.txt":
            (tmp_path / name).write_bytes(b"\xff\xfe\x00")
        with pytest.raises(UserError, match=said):
            read_prompts(str(tmp_path / name))
