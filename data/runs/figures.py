"""A corpus's figures as a small file, for who must not open the catalogue: runs need it."""

import json
from collections import Counter
from typing import Any

from data.catalog.coverage import compute_coverage, list_failures
from data.stamps import utc_now
from data.store import layout
from data.store.storage import Store
from data.workspace import Workspace


def record_figures(workspace: Workspace, corpus: str) -> None:
    """Writes the videos and hours of every stage, and the failures by reason, as they are now."""
    store = workspace.store
    with workspace.open_catalog() as catalog:
        stages = compute_coverage(catalog, store, corpus)["stages"]
        failures = Counter((f["stage"], f["reason"]) for f in list_failures(catalog, store, corpus))
    for stage, figures in stages.items():
        figures["failures"] = {reason: n for (kind, reason), n in failures.items() if kind == stage}
    record = {"at": utc_now(), "stages": stages}
    store.write(layout.figures_file(corpus), json.dumps(record).encode())


def read_figures(store: Store, corpus: str) -> dict[str, Any] | None:
    """`{"at", "stages": {stage: {"videos", "hours", "failures"}}}` as last recorded, or None."""
    try:
        record: dict[str, Any] = json.loads(store.read(layout.figures_file(corpus)))
    except FileNotFoundError:
        return None
    return record
