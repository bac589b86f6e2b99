"""Checks before an ingest replaces rows: withdrawals stay, and a lost disk hides nothing."""

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from data.catalog import merge
from data.catalog.database import load_sql
from data.errors import UserError
from data.ids import file_name
from data.store import layout
from data.workspace import Workspace
from tasks.ingest.entries import Entry

# Files of a living source go one by one: where most go at once, it is their disk.
VANISHED_SHARE = 0.5
MIN_VANISHED = 10  # of a few videos, more than half may well be deleted in a day


def keep_withdrawn(workspace: Workspace, corpus: str) -> None:
    """Marks the contents that withdrawn videos have now, before an ingest brings them others.

    Else a content that a video had between its withdrawal and its last change would be forgotten,
    and shown again as soon as another video has it.
    """
    folder = layout.withdrawn_folder(corpus)
    with workspace.open_synced_catalog(corpus) as catalog:
        for mark in catalog.query_rows(load_sql("unmarked_withdrawn"), corpus=corpus):
            digest = sha256(mark["content"].encode()).hexdigest()[:16]
            name = f"{folder}/{file_name(mark['video_id'])}-{digest}.json"
            workspace.store.write(name, json.dumps(mark).encode())
        merge.sync_withdrawn(catalog, workspace.store, corpus)


def refuse_vanished(
    entries: Sequence[Entry], before: Mapping[str, dict[str, Any]], source: str, corpus: str
) -> None:
    """A UserError where most videos of a part that were there before are gone at once."""
    good = {id for id, row in before.items() if row["reason"] is None}
    known = [entry for entry in entries if entry.id in good]
    gone = [entry for entry in known if entry.reason == "missing"]
    if len(gone) >= MIN_VANISHED and len(gone) > VANISHED_SHARE * len(known):
        raise UserError(
            f"{len(gone):,} of {len(known):,} known videos of {corpus} are gone at once, such as"
            f" {gone[0].uri}: if a disk is not mounted, mount it and run this again; if they are"
            f" gone for good, run `reelflow ingest {source} --corpus {corpus} --accept-missing`"
        )
