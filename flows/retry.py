"""The retry flow: what failed is tried again, where it failed."""

from typing import Any

from prefect import flow

from data.chain import current, spec_of
from data.errors import UserError
from data.outcome import REASONS
from data.settings import Settings
from data.specs import EmbedSpec
from data.workplace import open_workplace
from flows.embed import embed
from flows.ingest import retry_ingest


@flow(name="retry", flow_run_name="retry-{corpus}")
def retry(corpus: str, reasons: list[str] | None = None) -> dict[str, Any]:
    """Tries failures again in ingest and in embed; successes are left alone.

    Args:
        corpus: the corpus
        reasons: only failures for these reasons; all where it is left out
    """
    unknown = set(reasons or []) - set(REASONS)
    if unknown:
        raise UserError(f"no reason {sorted(unknown)[0]!r}: there are {', '.join(REASONS)}")
    place = open_workplace(Settings())
    made = {"ingest": retry_ingest(place.known(corpus), reasons or [])}
    stage = current(place.store, corpus, "embed")
    if stage is not None:
        made["embed"] = embed(corpus, spec_of(place.store, stage, EmbedSpec), reasons or [])
    return made
