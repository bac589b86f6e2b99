"""The retrieve stage's task: prompts in, a Parquet table of hits out."""

import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from prefect import task
from prefect.cache_policies import NO_CACHE

from data import tables
from data.batches import batched
from data.errors import UserError
from data.records import Prompt
from data.specs import RetrieveSpec
from data.workplace import Workplace
from tasks.search import Bank

AT_ONCE = 256  # prompts searched together: bounds memory


@task(name="retrieve-prompts", cache_policy=NO_CACHE, persist_result=False)
def retrieve_prompts(
    place: Workplace, corpus: str, prompts: str, out: str, spec: RetrieveSpec
) -> dict[str, Any]:
    """Searches for every prompt and writes the hits, as `tables.HITS`."""
    asked = list(read_prompts(prompts))
    bank = Bank(place, corpus)
    target = Path(out)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial, count = target.with_name(f".{target.name}.tmp"), 0
    try:
        with pq.ParquetWriter(partial, tables.HITS) as writer:
            for some in batched(asked, AT_ONCE):
                hits = [asdict(hit) for hit in bank.by_text(some, spec)]
                writer.write_table(pa.Table.from_pylist(hits, tables.HITS))
                count += len(hits)
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)
    return {"prompts": len(asked), "hits": count, "short": bank.shortages, "out": out}


def read_prompts(path: str) -> Iterator[Prompt]:
    """The prompts of a text file (ids are line numbers from 000) or of a Parquet table."""
    if not Path(path).is_file():
        raise UserError(f"no file of prompts {path}")
    return _of_table(path) if path.endswith(".parquet") else _of_lines(path)


def _of_lines(path: str) -> Iterator[Prompt]:
    lines = [line.strip() for line in Path(path).read_text(encoding="utf-8").splitlines()]
    empty = [number for number, line in enumerate(lines, 1) if not line]
    if empty or not lines:
        raise UserError(
            f"{path} has no prompt in line {empty[0] if empty else 1}: fill or remove it"
        )
    width = max(3, len(str(len(lines) - 1)))  # so that names sort as the lines do
    for number, line in enumerate(lines):
        yield Prompt(f"{number:0{width}d}", line)


def _of_table(path: str) -> Iterator[Prompt]:
    table = pq.read_table(path)
    if not {"videoID", "txt"} <= set(table.column_names):
        raise UserError(f"{path} needs columns videoID and txt, it has {table.column_names}")
    rows = zip(table["videoID"].to_pylist(), table["txt"].to_pylist(), strict=True)
    for id, text in rows:
        if not text or not text.strip():
            raise UserError(f"{path} has no text for {id!r}: fill or remove the row")
        yield Prompt(str(id), text.strip())
