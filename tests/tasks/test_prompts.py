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


def table(folder: Path, name: str, content: str | bytes) -> list[Prompt]:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_prompts(str(path))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("p.csv", "id,txt,image\n7,one,a.png\n8,two,\n"),
        ("p.CSV", "\ufeffid;txt;image\r\n7;one;a.png\r\n\r\n8;two;\r\n"),
        ("p.tsv", "id\ttxt\timage\n7\tone\ta.png\n8\ttwo\t\n"),
        ("p.ndjson", '{"id": 7, "txt": "one", "image": "a.png"}\n\n{"id": 8, "txt": "two"}\n'),
        ("p.JSONL", '\ufeff{"id": 7, "txt": "one", "image": "a.png"}\r\n{"id": 8.0, "txt": "two"}'),
        ("p.json", '[{"id": 7, "txt": "one", "image": "a.png"}, {"id": 8, "txt": "two"}]'),
        ("p.txt", '{"id": 7, "txt": "one", "image": "a.png"}\n{"id": 8, "txt": "two"}'),
    ],
)
def test_a_table_is_read_by_its_content_and_any_case_of_its_ending(
    tmp_path: Path, name: str, content: str
) -> None:
    found = table(tmp_path, name, content)
    assert [(p.id, p.text) for p in found] == [("7", "one"), ("8", "two")]
    assert [p.image for p in found] == [str(tmp_path / "a.png"), None]


def test_parquet_is_known_whatever_it_is_called(tmp_path: Path) -> None:
    for name in ("p.PARQUET", "p.txt", "prompts"):
        pq.write_table(pa.table({"id": [1.0], "txt": ["one"]}), tmp_path / name)
        assert [(p.id, p.text) for p in read_prompts(str(tmp_path / name))] == [("1", "one")]


def test_blank_lines_are_no_prompts_and_a_prompt_is_one_line(tmp_path: Path) -> None:
    text = "\ufeff\none\r\n  \ntwo\u2028still two\n\n"
    assert [(p.id, p.text) for p in table(tmp_path, "p.TXT", text)] == [
        ("000", "one"), ("001", "two\u2028still two"),
    ]  # fmt: skip
    row = '{"txt": "two\u2028still two"}\n'
    assert [p.text for p in table(tmp_path, "p.jsonl", row)] == ["two\u2028still two"]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("p.xlsx", "a", "csv"),
        ("prompts", "a", "txt"),
        ("p.csv.gz", "a", "csv"),
        ("p.txt", "txt,image\na cat,a.png\n", "csv"),
        ("p.txt", "\n \n", "no prompts"),
        ("p.txt", "one".encode("utf-16"), "UTF-16"),
        ("p.csv", "txt\n".encode("utf-16"), "UTF-16"),
        ("p.csv", "id,txt\n1,a cat, a dog\n", "line 2"),
        ("p.csv", "txt,txt\na,b\n", "twice"),
        ("p.csv", "txt\n", "no prompts"),
        ("p.csv", "name\na\n", "videoID"),
        ("p.json", "[1]", "entry 1"),
    ],
)
def test_what_cannot_be_read_as_prompts_is_refused(
    tmp_path: Path, name: str, content: str | bytes, said: str
) -> None:
    with pytest.raises(UserError, match=said):
        table(tmp_path, name, content)


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


def test_a_list_is_no_prompt(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="a list"):
        read_prompts(lines(tmp_path, {"txt": ["a red circle", "a blue star"]}))
