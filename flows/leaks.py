"""The leaks flow: finds clips of a benchmark that are in a corpus."""

from dataclasses import asdict
from typing import Any

from prefect import flow

from data.settings import Settings
from data.workspace import open_workspace
from tasks.retrieve.leak_files import read_clips, write_leaks
from tasks.retrieve.leaks import THRESHOLD, guard_task
from tasks.ui.artifacts import publish_table
from tasks.ui.hooks import HOOKS
from tasks.ui.run_names import name_run


@flow(name="leaks", flow_run_name=name_run("leaks-{corpus}"), **HOOKS)
def leaks(
    corpus: str, source: str, threshold: float = THRESHOLD, out: str | None = None,
    groups: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """Looks for an evaluation's clips in a corpus's index: exact copies, then near ones.

    Args:
        corpus: Name of an indexed corpus.
        source: Folder of clips, a benchmark's data folder, or any source that ingest reads.
        threshold: Cosine above which two clips are near copies.
        out: File to write the matches to, for `generate --without`; none if left out.
        groups: Report the near-duplicates of each match as well, by the groups of dedup.
    """
    workspace = open_workspace(Settings())
    tested = guard_task(workspace, corpus, read_clips(source), threshold, groups)
    # Written even if empty: `generate --without` then finds the file that it was told.
    if out:
        write_leaks(out, tested.leaks)
    publish_table("leaks", corpus, [asdict(leak) for leak in tested.leaks])
    return asdict(tested)
