"""The retrieve stage's task: searches a file of prompts and writes a Parquet table of hits."""

import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from prefect import task
from prefect.cache_policies import NO_CACHE

from data.batches import iter_batches
from data.specs.pipeline import RetrieveSpec
from data.store import tables
from data.workspace import Workspace
from tasks.origins import warn_of_mismatch
from tasks.prompts import read_prompts
from tasks.retrieve.choose import PromptRetriever, open_retriever
from tasks.retrieve.same_source import require_column
from tasks.retrieve.texts import TextSearcher

BATCH_SIZE = 256  # prompts searched together: bounds memory


@task(name="retrieve-prompts", cache_policy=NO_CACHE, persist_result=False)
def retrieve_prompts(
    workspace: Workspace, corpus: str, prompts: str, out: str, spec: RetrieveSpec,
    texts: list[str] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Searches every prompt and writes the hits as `tables.HITS`, in the order of the prompts.

    Returns counts, by prompt how many hits are missing of the k requested, and the conditions that
    no video meets.
    """
    queries = read_prompts(prompts)
    require_column(queries, spec.own or spec.not_from_same)
    retriever: PromptRetriever | TextSearcher
    if texts:  # what was said or shown, of these kinds
        retriever = TextSearcher(workspace, corpus, texts)
    else:
        retriever = open_retriever(workspace, corpus, spec.by)
        warn_of_mismatch(workspace, corpus)
    target = Path(out)
    target.parent.mkdir(parents=True, exist_ok=True)
    # The table is replaced at the end: an interrupted search leaves the former one.
    partial, count = target.with_name(f".{target.name}.tmp"), 0
    try:
        with pq.ParquetWriter(partial, tables.HITS) as writer:
            for batch in iter_batches(queries, BATCH_SIZE):
                hits = [asdict(hit) for hit in retriever.search_prompts(batch, spec)]
                writer.write_table(pa.Table.from_pylist(hits, tables.HITS))
                count += len(hits)
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)
    counts = {"prompts": len(queries), "hits": count, "short": retriever.shortages, "out": out}
    return counts | ({"unmatched": retriever.unmatched} if retriever.unmatched else {})
