"""Groups of a scratch database: from links to members, and their names over nights."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from data.catalog.database import Catalog, open_scratch
from data.specs.dedup import DedupSpec
from data.store.pairs import GROUPS as MEMBERS
from engines.index.batches import Batch
from engines.index.kinds import flat
from tasks.dedup.groups import GROUPED, LINKS, fill_table, form_groups, list_members, name_groups


def name(groups: Sequence[str], before: Mapping[str, str]) -> list[str]:
    """The names of groups of one-letter contents."""
    contents = sorted("".join(groups))
    nodes = pa.record_batch({"node": range(len(contents)), "content": contents})
    rows = [(n, contents.index(content)) for n, group in enumerate(groups) for content in group]
    with open_scratch() as scratch:
        fill_table(scratch, "nodes", nodes.schema, [nodes])
        fill(scratch, "grouped", GROUPED, rows)
        fill(scratch, "before", MEMBERS, list(before.items()))
        name_groups(scratch)
        named = {row["content"]: row["anchor"]
                 for some in list_members(scratch) for row in some.to_pylist()}  # fmt: skip
    assert len(named) == len(contents)
    return [{named[content] for content in group}.pop() for group in groups]


def fill(scratch: Catalog, table: str, schema: pa.Schema, rows: list[tuple]) -> None:
    columns = [pa.array([row[at] for row in rows], field.type) for at, field in enumerate(schema)]
    fill_table(scratch, table, schema, [pa.record_batch(columns, schema=schema)])


def test_a_group_keeps_its_name_as_it_grows_shrinks_and_joins_another() -> None:
    assert name(["ab", "xy"], {}) == ["a", "x"]
    before = {"a": "a", "b": "a", "x": "x", "y": "x"}
    assert name(["Zab", "xy"], before) == ["a", "x"], "it grew"
    assert name(["bc"], before) == ["a"], "what named it is gone"
    assert name(["abx"], before) == ["a"], "most of it was there"
    assert name(["ac", "bde"], before) == ["a", "b"], "it was cut in two"
    # A name whose content is elsewhere now would name two groups.
    assert name(["ax", "bc"], {"a": "a", "b": "a", "c": "a"}) == ["a", "b"]


@pytest.mark.parametrize("rows", [1, 1000])
def test_links_become_groups_of_what_is_indexed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    monkeypatch.setattr("tasks.dedup.groups.ROWS", rows)  # read one by one, or all at once
    vectors = [[1, 0], [0.999, 0.04], [0, 1], [0.04, 0.999], [0.7, 0.7]]
    flat.build([Batch(list("abcde"), np.array(vectors))], tmp_path / "v")
    index = flat.open_index(tmp_path / "v")
    links = [("a", "b", 0.99), ("c", "d", 0.98), ("d", "gone", 0.999)]
    with open_scratch() as scratch:
        fill(scratch, "links", LINKS, links)
        fill(scratch, "before", MEMBERS, [])
        count = form_groups(scratch, index, str(tmp_path / "v/ids.parquet"), DedupSpec())
        name_groups(scratch)
        found = [tuple(row.values()) for some in list_members(scratch) for row in some.to_pylist()]
    assert count == 2, "of the links, those of the index"
    assert found == [("a", "a"), ("b", "a"), ("c", "c"), ("d", "c")]
