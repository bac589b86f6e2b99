"""Names of columns as they are typed."""

import pytest
import typer

from flows.cli.options import parse_columns, parse_weights


def test_an_empty_name_leaves_out_a_column_that_a_table_may_lack() -> None:
    assert parse_columns(["txt=", "start_sec=", "end_sec=to"]) == {
        "txt": "", "start_sec": "", "end_sec": "to"
    }  # fmt: skip


@pytest.mark.parametrize("pair", ["videoID=", "videoLoc=", "txt", "=txt"])
def test_others_need_one(pair: str) -> None:
    with pytest.raises(typer.BadParameter, match="--column"):
        parse_columns([pair])
    with pytest.raises(typer.BadParameter, match="--weight"):
        parse_weights(["raft="])
