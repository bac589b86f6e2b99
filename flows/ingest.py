"""The ingest flow: a source's rows become the corpus's videos."""

from dataclasses import asdict
from typing import Any

from prefect import flow

from data.batches import batched
from data.catalog.failures import Failures
from data.catalog.seen_ids import seen
from data.ids import corpus_name
from data.settings import Settings
from data.shards.stages import Stage
from data.workspace import open_workspace
from tasks.ingest.part import Counts, begin, failed_rows, finish, ingest_part, read_source
from tasks.progress import Progress, say
from tasks.ui.artifacts import publish, publish_failures
from tasks.ui.assets import made, videos_of
from tasks.ui.sheets import show_videos
from tasks.workers import embed_workers, open_runner, probing

ROWS = 2000  # a part: one Prefect task, one Parquet file


@flow(name="ingest", flow_run_name="ingest-{corpus}")
def ingest(
    source: str, corpus: str, columns: dict[str, str] | None = None, probe: bool = True
) -> dict[str, Any]:
    """Adds a source's new and changed videos to a corpus; every row is accounted for.

    Args:
        source: a table (Parquet, CSV, JSON Lines), a folder or glob of videos, or WebDataset tars
        corpus: the corpus to add to; made where it does not exist
        columns: which columns hold txt, videoLoc and videoID, where they have other names
        probe: read each new video once, for its duration, size, codec and digest
    """
    return _ingest(source, corpus_name(corpus), columns or {}, probe, None)


@flow(name="retry-ingest", flow_run_name="retry-ingest-{corpus}")
def retry_ingest(corpus: str, which: Failures = Failures()) -> dict[str, Any]:
    """Looks again at the videos that ingest refused, at all or at some."""
    return _ingest("retry", corpus_name(corpus), {}, True, which)


def _ingest(
    source: str, corpus: str, columns: dict[str, str], probe: bool, retry: Failures | None
) -> dict[str, Any]:
    workspace = open_workspace(Settings())
    settings = probing(workspace.settings)
    counts, progress = Counts(), Progress("ingest", 0)
    with workspace.only_run(corpus, "ingest", say):
        rows = failed_rows(workspace, corpus, retry) if retry else read_source(source, columns)
        this = begin(workspace, corpus, source, probe)
        with seen() as ids, open_runner(settings, embed_workers(settings)) as runner:
            for part, some in enumerate(batched(rows, ROWS)):
                ingest_part(workspace, this, part, some, ids, runner, counts, progress)
        finish(workspace, this, counts)
    publish("ingest", corpus, asdict(counts))
    publish_failures(workspace, Stage(corpus, "ingest", ""))
    if added := counts.new + counts.changed:
        made(videos_of(corpus), f"videos of {corpus}", [], new=added, rows=counts.rows)
        show_videos("ingest", workspace, corpus)
    return asdict(counts)
