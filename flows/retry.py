"""The retry flow: what failed is tried again, where it failed."""

from typing import Any

from prefect import flow

from data.catalog.failures import Failures
from data.errors import UserError
from data.outcome import REASONS
from data.settings import Settings
from data.shards.stages import current
from data.workspace import open_workspace
from flows.embed import embed
from flows.ingest import retry_ingest
from tasks.retry import count_failures
from tasks.ui.artifacts import publish_table


@flow(name="retry", flow_run_name="retry-{corpus}")
def retry(
    corpus: str,
    reasons: list[str] | None = None,
    decoder: str | None = None,
    outdated: bool = False,
) -> dict[str, Any]:
    """Tries failures again in ingest and in embed; successes are left alone.

    Args:
        corpus: the corpus
        reasons: only failures for these reasons; all where it is left out
        decoder: only what this decoder refused, as "av 15.1.0"
        outdated: only what another version of the decoder refused than there is now
    """
    which = failures(reasons, decoder, outdated)
    workspace = open_workspace(Settings())
    found = count_failures(workspace, workspace.known(corpus), which)
    stages = {row["stage"] for row in found}
    made: dict[str, Any] = {}
    if found:
        publish_table("retry", corpus, found, "tried again")
    if "ingest" in stages:
        made["ingest"] = retry_ingest(corpus, which)
    if stages and current(workspace.store, corpus, "embed"):
        made["embed"] = embed(corpus, retry=which)
    return made


def to_retry(
    corpus: str, reasons: list[str] | None, decoder: str | None, outdated: bool
) -> list[dict[str, Any]]:
    """How many failures `retry` would try again: stage, reason, decoder, videos."""
    which, workspace = failures(reasons, decoder, outdated), open_workspace(Settings())
    return count_failures(workspace, workspace.known(corpus), which)


def failures(reasons: list[str] | None, decoder: str | None, outdated: bool) -> Failures:
    """The failures that are meant; a UserError for a reason that there is not."""
    unknown = sorted(set(reasons or []) - set(REASONS))
    if unknown:
        raise UserError(f"no reason {unknown[0]!r}: there are {', '.join(REASONS)}")
    return Failures(reasons=tuple(reasons or ()), decoder=decoder, outdated=outdated)  # type: ignore[arg-type]
