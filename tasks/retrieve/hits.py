"""The retrieve stage's task: prompts in, a Parquet table of hits out."""

import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from prefect import task
from prefect.cache_policies import NO_CACHE

from data.batches import batched
from data.specs.pipeline import RetrieveSpec
from data.store import tables
from data.workspace import Workspace
from tasks.prompts import read_prompts
from tasks.retrieve.bank import Bank

AT_ONCE = 256  # prompts searched together: bounds memory


@task(name="retrieve-prompts", cache_policy=NO_CACHE, persist_result=False)
def retrieve_prompts(
    workspace: Workspace, corpus: str, prompts: str, out: str, spec: RetrieveSpec
) -> dict[str, Any]:
    """Searches for every prompt and writes the hits, as `tables.HITS`."""
    asked = read_prompts(prompts)
    bank = Bank(workspace, corpus)
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
