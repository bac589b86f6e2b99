"""The ingest flow: adds a source's rows to a corpus as videos."""

from dataclasses import asdict
from typing import Any

from prefect import flow

from data.batches import iter_batches
from data.catalog.failures import Failures
from data.catalog.seen_ids import open_seen_ids
from data.ids import check_corpus_name
from data.runs.figures import record_figures
from data.settings import Settings
from data.shards.stages import Stage
from data.store.last_ingest import record_failure
from data.workspace import open_workspace
from tasks.host_tally import HostTally
from tasks.ingest.counts import Counts
from tasks.ingest.failed_rows import read_failed_rows
from tasks.ingest.part import begin_ingest, finish_ingest, ingest_part, read_source
from tasks.progress import Progress
from tasks.service.runner import open_runner
from tasks.service.turns import wait_turn
from tasks.ui.artifacts import publish_failures, publish_summary
from tasks.ui.assets import publish_asset, videos_key
from tasks.ui.final_state import finish_run
from tasks.ui.hooks import HOOKS
from tasks.ui.run_names import name_run
from tasks.ui.sheets import show_videos
from tasks.workers import count_workers, to_probe_settings

ROWS = 2000  # a part: one Prefect task, one Parquet file


@flow(name="ingest", flow_run_name=name_run("ingest-{corpus}"), **HOOKS)
def ingest(
    source: str,
    corpus: str,
    columns: dict[str, str] | None = None,
    probe: bool = True,
    accept_missing: bool = False,
) -> dict[str, Any]:
    """Adds a source's new and changed videos to a corpus; every row is accounted for.

    Args:
        source: A table (Parquet, CSV, JSON Lines), a folder or glob of videos, or WebDataset tars.
        corpus: Name of the corpus to add to; it is created if it does not exist.
        columns: Names of the source's columns for txt, videoLoc, videoID, start_sec and end_sec,
            where they differ.
        probe: Read each new video once for its duration, size, codec and digest.
        accept_missing: Go on where most known videos are gone at once, instead of stopping.
    """
    check_corpus_name(corpus)
    return _ingest_rows(source, corpus, columns or {}, probe, None, accept_missing)


@flow(name="retry-ingest", flow_run_name=name_run("retry-ingest-{corpus}"), **HOOKS)
def retry_ingest(corpus: str, which: Failures = Failures()) -> dict[str, Any]:
    """Tries videos again that ingest rejected, all of them or some."""
    return _ingest_rows("retry", check_corpus_name(corpus), {}, True, which)


def _ingest_rows(
    source: str, corpus: str, columns: dict[str, str], probe: bool, retry: Failures | None,
    accept_missing: bool = False,
) -> dict[str, Any]:  # fmt: skip
    workspace = open_workspace(Settings())
    settings = to_probe_settings(workspace.settings)
    counts, progress, tally = Counts(), Progress("ingest", 0), HostTally()
    with (
        workspace.lock_stage(corpus, "ingest", wait_turn),
        record_failure(workspace.store, corpus, source),
    ):
        # Rows that are tried again may open what their own source may, hence an ingest for each.
        failed = read_failed_rows(workspace, corpus, retry) if retry else {}
        rows_by_origin = failed if retry else {source: read_source(source, columns)}
        with open_seen_ids() as ids, open_runner(settings, count_workers(settings)) as runner:
            for origin, rows in rows_by_origin.items():
                this = begin_ingest(
                    workspace, corpus, source, probe, origin, accept_missing, tally, columns
                )
                for part, some in enumerate(iter_batches(rows, ROWS)):
                    ingest_part(workspace, this, part, some, ids, runner, counts, progress)
                finish_ingest(workspace, this, counts)
        publish_summary("ingest", corpus, asdict(counts))
        publish_failures(workspace, Stage(corpus, "ingest", ""))
        record_figures(workspace, corpus)
    if added := counts.new + counts.changed:
        publish_asset(videos_key(corpus), f"videos of {corpus}", [], new=added, rows=counts.rows)
        show_videos("ingest", workspace, corpus)
    summary = asdict(counts)
    again = f"`reelflow retry {corpus} --reason unreachable`, or the next ingest, tries again"
    with record_failure(workspace.store, corpus, source):
        share = workspace.settings.failed_share
        tally.require_hosts(share, again, whole=retry is None, summary=summary)
    return finish_run(summary, {"ingest": summary}, workspace.settings.failed_share)
