"""Writes the page of a retrieval from its table of hits."""

import json
from pathlib import Path

import pyarrow.parquet as pq
from prefect import task
from prefect.cache_policies import NO_CACHE

from data.errors import UserError
from data.records import Hit
from data.shards.stages import current_stage, published_version, read_spec
from data.specs.models import describe_model
from data.specs.pipeline import EmbedSpec, RetrieveSpec
from data.workspace import Workspace
from engines.report.html import render_template, write_html
from engines.report.retrieval import RetrievalPage, group_hits


def write_retrieval(page: RetrievalPage, path: Path) -> None:
    """Writes the page atomically."""
    write_html(path, render_template("retrieval.html", page))


@task(name="retrieval-page", cache_policy=NO_CACHE, persist_result=False)
def write_retrieval_page(
    workspace: Workspace, corpus: str, hits: str, spec: RetrieveSpec, path: str
) -> str:
    """Writes the page of a Parquet file of hits and returns its path."""
    rows = [Hit(**row) for row in pq.read_table(hits).to_pylist()]
    prompts = group_hits(rows, spec.k, Path(path))
    unit = "moment" if spec.moments else "clip"
    clips = f"best {unit}" if spec.k == 1 else f"{spec.k} best {unit}s"
    lead = f"The {clips} for each of {len(prompts):,} prompts."
    about = describe_retrieval(workspace, corpus, spec)
    title = f"{unit.capitalize()}s retrieved from {corpus}"
    write_retrieval(RetrievalPage(title, lead, prompts, about), Path(path))
    return path


def describe_retrieval(workspace: Workspace, corpus: str, spec: RetrieveSpec) -> dict[str, str]:
    """Names the corpus, model, index and spec of a retrieval: enough to repeat it.

    Raises a UserError if the corpus has no index.
    """
    store = workspace.store
    stages = {kind: current_stage(store, corpus, kind) for kind in ("embed", "pool", "index")}
    embed, index = stages["embed"], stages["index"]
    version = published_version(store, index)
    if embed is None or index is None or version is None:
        raise UserError(f"{corpus} has no index yet: build one with `reelflow run {corpus}`")
    record = json.loads(store.read(f"{index.folder}/{version}/index.json"))
    settings = f"k {spec.k}, ceiling {spec.ceiling:g}, dedup {spec.dedup:g}"
    return {
        "corpus": f"{corpus}, {record['count']:,} videos",
        "model": describe_model(read_spec(store, embed, EmbedSpec)),
        "index": f"{record['key']} {version}",
        "retrieve": settings + (f", where {spec.where}" if spec.where else ""),
        "fingerprints": ", ".join(
            f"{kind} {stage.fingerprint}" for kind, stage in stages.items() if stage
        ),
    }
