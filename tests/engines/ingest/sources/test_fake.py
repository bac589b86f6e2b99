"""Rehearsals: videos that do not exist."""

import pytest

from data.errors import UserError
from engines.ingest.open_source import open_source


def test_faults_are_spread_over_the_videos_asked_for() -> None:
    rows = list(open_source("fake://20?hang=1&exit=1&undecodable=2&frames=8"))
    assert len({row.id for row in rows}) == len({row.uri for row in rows}) == 20
    assert all(row.caption for row in rows)
    assert rows[1].uri == "fake://1?frames=8"
    faults = [row.uri.partition("fault=")[2] for row in rows if row.uri and "fault=" in row.uri]
    assert faults == ["hang", "exit", "undecodable", "undecodable"]
    assert list(open_source("fake://20?hang=1&exit=1&undecodable=2&frames=8")) == rows


@pytest.mark.parametrize("src", ["fake://", "fake://x", "fake://2?hang=3", "fake://2?hagn=1"])
def test_what_cannot_be_meant_is_refused(src: str) -> None:
    with pytest.raises(UserError, match="fake://"):
        open_source(src)
