"""What a store holds, to compare before and after, and with a store that nothing happened to."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from data.catalog.coverage import compute_coverage
from data.settings import Settings
from data.workspace import Workspace, open_workspace

TABLES = ("ingests", "videos", "rejects", "shards", "receipts", "outcomes", "members", "merged",
          "runs", "generations", "conditioning", "withdrawn", "evaluations")  # fmt: skip


def workplace(root: Path) -> Workspace:
    return open_workspace(Settings(root=str(root)))


def artifacts(root: Path) -> dict[str, bytes]:
    """The bytes of all vectors and pooled vectors, and of the published indexes."""
    shards = root.glob("corpora/*/*/*/shard-*.parquet")
    made = {str(file.relative_to(root)): file.read_bytes() for file in shards}
    for alias in root.glob("corpora/*/index/*/current"):
        for file in (alias.parent / alias.read_text()).iterdir():
            made[f"{alias.relative_to(root)}/{file.name}"] = file.read_bytes()
    return made


def vectors(root: Path) -> dict[str, pa.Table]:
    """All rows of frame vectors and of pooled ones, in the order of their videos."""
    found = {}
    for stage, order in (("embed", ("video_id", "frame")), ("pool", ("video_id",))):
        shards = [pq.read_table(file) for file in root.glob(f"corpora/*/{stage}/*/shard-*.parquet")]
        found[stage] = pa.concat_tables(shards).sort_by([(name, "ascending") for name in order])
    return found


def committed(root: Path) -> dict[str, tuple[int, bytes]]:
    """Receipts, and the shard files that they stand for, with the time they were written."""
    receipts = list(root.glob("corpora/*/*/*/receipts/*.json"))
    files = [r.parents[1] / f"shard-{r.stem}.parquet" for r in receipts]
    there = [file for file in (*receipts, *files) if file.exists()]
    return {str(f.relative_to(root)): (f.stat().st_mtime_ns, f.read_bytes()) for f in there}


def partials(root: Path) -> list[Path]:
    """Files that were begun and never put in place."""
    kinds = ("corpora", "generations", "evaluations")
    return [file for kind in kinds for file in root.glob(f"{kind}/**/.*.tmp")]


def videos(root: Path) -> dict[str, tuple[int, bytes]]:
    """Generated files whose row is there too, with the time they were written."""
    marked = [mark.with_suffix(".mp4") for mark in root.glob("generations/*/media/*.json")]
    return {str(f.relative_to(root)): (f.stat().st_mtime_ns, f.read_bytes()) for f in marked}


def outcomes(root: Path, stage: str) -> Counter[str]:
    """How many outcomes each content has, by the receipts of a stage."""
    receipts = root.glob(f"corpora/*/{stage}/*/receipts/*.json")
    said = [json.loads(receipt.read_bytes()) for receipt in receipts]
    return Counter(each["content"] for r in said for each in r["rows"])


def status(root: Path, corpus: str = "c") -> dict[str, Any]:
    workspace = workplace(root)
    with workspace.open_catalog() as catalog:
        return compute_coverage(catalog, workspace.store, corpus)


def catalogue(root: Path) -> dict[str, Counter[tuple]]:
    """Every table's rows as a multiset."""
    with duckdb.connect(str(root / "catalog.duckdb")) as connection:
        return {
            table: Counter(connection.execute(f"SELECT * FROM {table}").fetchall())
            for table in TABLES
        }


def assert_rebuilt_the_same(root: Path) -> None:
    """The catalogue is what its rebuild from the store is, table by table."""
    status(root)  # merges what is not merged yet
    before = catalogue(root)
    workplace(root).rebuild_catalog()
    after = catalogue(root)
    for table in TABLES:
        assert before[table] == after[table], table
