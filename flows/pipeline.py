"""The pipeline flow: ingest, embed, pool, index; generate, evaluate, report where asked."""

from functools import partial
from typing import Any

from prefect import flow

from data.specs.evaluate import EvaluateSpec
from data.specs.pipeline import EmbedSpec, GenerateSpec, IndexSpec, PoolSpec
from flows.embed import embed
from flows.evaluate import evaluate
from flows.generate import generate
from flows.index import index
from flows.ingest import ingest
from flows.pool import pool
from flows.report import report
from tasks.generate.shard import generate_spec as usual_spec
from tasks.prompts import TABLES
from tasks.ui.pipeline_summary import told


@flow(name="pipeline", flow_run_name="pipeline-{corpus}")
def pipeline(
    corpus: str,
    source: str | None = None,
    columns: dict[str, str] | None = None,
    embed_spec: EmbedSpec | None = None,
    pool_spec: PoolSpec | None = None,
    index_spec: IndexSpec | None = None,
    prompts: str | None = None,
    generate_spec: GenerateSpec = usual_spec(),
    measure: EvaluateSpec | None = None,
) -> dict[str, Any]:
    """Brings a corpus from its source to a published index; run it every night.

    Args:
        corpus: the corpus to bring up to date
        source: where new rows are read from; none are where it is left out
        columns: which columns of the source hold txt, videoLoc and videoID
        embed_spec: the model and the sampling; the corpus's own if left out
        pool_spec: the way of pooling; the corpus's own if left out
        index_spec: the kind of index and its gate; the corpus's own if left out
        prompts: a file of prompts to make videos for; none are made where it is left out
        generate_spec: the models, the videos' shape, and what is retrieved for them
        measure: the metrics and switches to measure the videos by; not measured if left out
    """
    with told(corpus) as story:
        if source:
            story.tell("ingest", ingest, source, corpus, columns)
        story.tell("embed", embed, corpus, embed_spec)
        story.tell("pool", pool, corpus, pool_spec)
        story.tell("index", index, corpus, index_spec)
        if prompts:
            made = story.tell("generate", generate, corpus, prompts, generate_spec)
            if measure:
                measured = partial(evaluate, spec=measure, prompts=table_of(prompts))
                story.tell("evaluate", measured, made["run"])
            story.tell("report", report, made["run"])
    return story.summary


def table_of(prompts: str) -> str | None:
    """The file, where it has columns that metrics may ask for."""
    return prompts if prompts.endswith(TABLES) else None
