"""When a corpus was last brought up to date, from its source to its index."""

import json
from datetime import datetime

from data.stamps import utc_now
from data.store import layout
from data.store.storage import Store


def record_night(store: Store, corpus: str) -> None:
    """Records that a pipeline run of the corpus has just completed."""
    store.write(layout.night_file(corpus), json.dumps({"completed": utc_now()}).encode())


def read_last_night(store: Store, corpus: str) -> datetime | None:
    """When a pipeline run of the corpus last completed; None if none ever did."""
    try:
        record = json.loads(store.read(layout.night_file(corpus)))
    except FileNotFoundError:
        return None
    return datetime.fromisoformat(record["completed"])
