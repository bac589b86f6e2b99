"""The leaks flow: which clips of a benchmark a corpus would give away."""

from dataclasses import asdict
from typing import Any

from prefect import flow

from data.settings import Settings
from data.workspace import open_workspace
from tasks.retrieve.leak_files import clips_of, write_leaks
from tasks.retrieve.leaks import THRESHOLD, guard_task
from tasks.ui.artifacts import publish_table


@flow(name="leaks", flow_run_name="leaks-{corpus}")
def leaks(
    corpus: str, source: str, threshold: float = THRESHOLD, out: str | None = None
) -> dict[str, Any]:
    """Tests a corpus's bank against the clips of an evaluation: exact copies, then near ones.

    Args:
        corpus: a corpus that was indexed
        source: a folder of clips, a benchmark's data folder, or any source that ingest reads
        threshold: the cosine from which two clips are near copies
        out: a file to write the matches to, for `generate --without`; none where it is left out
    """
    workspace = open_workspace(Settings())
    tested = guard_task(workspace, corpus, clips_of(source), threshold)
    if out:
        write_leaks(out, tested.leaks)
    publish_table("leaks", corpus, [asdict(leak) for leak in tested.leaks])
    return asdict(tested)
