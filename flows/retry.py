"""The retry flow: tries failed videos again in the stage where they failed."""

from typing import Any

from prefect import flow

from data.catalog.failures import Failures
from data.errors import UserError
from data.outcome import REASONS
from data.settings import Settings
from data.shards.stages import ANNOTATE, current_stage
from data.workspace import open_workspace
from flows.annotate import annotate
from flows.embed import embed
from flows.ingest import retry_ingest
from tasks.retry import count_failures
from tasks.ui.artifacts import publish_table
from tasks.ui.hooks import HOOKS
from tasks.ui.run_names import name_run


@flow(name="retry", flow_run_name=name_run("retry-{corpus}"), **HOOKS)
def retry(
    corpus: str,
    reasons: list[str] | None = None,
    decoder: str | None = None,
    outdated: bool = False,
) -> dict[str, Any]:
    """Tries failed videos again, in ingest, in embed and in annotate.

    Args:
        corpus: Name of the corpus.
        reasons: Only failures with these reasons; all if left out.
        decoder: Only failures of this decoder, e.g. "av 15.1.0".
        outdated: Only failures of decoder versions other than the installed one.
    """
    which = select_failures(reasons, decoder, outdated)
    workspace = open_workspace(Settings())
    found = count_failures(workspace, workspace.check_corpus(corpus), which)
    stages = {row["stage"] for row in found}
    made: dict[str, Any] = {}
    if found:
        publish_table("retry", corpus, found, "tried again")
    # Ingest first: a video that it accepts now can be embedded in the same run.
    if "ingest" in stages:
        made["ingest"] = retry_ingest(corpus, which)
    if stages and current_stage(workspace.store, corpus, "embed"):
        made["embed"] = embed(corpus, retry=which)
    kinds = [stage.removeprefix(ANNOTATE) for stage in stages if stage.startswith(ANNOTATE)]
    if kinds:
        made["annotate"] = annotate(corpus, sorted(kinds), retry=which)
    return made


def list_retries(
    corpus: str, reasons: list[str] | None, decoder: str | None, outdated: bool
) -> list[dict[str, Any]]:
    """How many failures `retry` would try again: stage, reason, decoder, videos."""
    which, workspace = select_failures(reasons, decoder, outdated), open_workspace(Settings())
    return count_failures(workspace, workspace.check_corpus(corpus), which)


def select_failures(reasons: list[str] | None, decoder: str | None, outdated: bool) -> Failures:
    """The failures that are meant; a UserError for a reason that there is not."""
    # Before any run starts: an unknown reason would match nothing and look like success.
    unknown = sorted(set(reasons or []) - set(REASONS))
    if unknown:
        raise UserError(f"no reason {unknown[0]!r}: there are {', '.join(REASONS)}")
    return Failures(reasons=tuple(reasons or ()), decoder=decoder, outdated=outdated)  # type: ignore[arg-type]
