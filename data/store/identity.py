"""The id of a store, by which a catalogue notices that another one lies at the same address."""

import json
import uuid

from data.stamps import utc_now
from data.store import layout
from data.store.lock import hold_lock
from data.store.storage import Store


def read_store_id(store: Store) -> str | None:
    """The store's id; None before its first writer, as in stores of 0.1.0."""
    try:
        return str(json.loads(store.read(layout.STORE_ID))["id"])
    except FileNotFoundError:
        return None


def ensure_store_id(store: Store, wait_s: float = 600.0) -> None:
    """Gives the store an id unless it has one; of several writers at once, one gives it."""
    if store.exists(layout.STORE_ID):
        return
    content = json.dumps({"id": uuid.uuid4().hex, "made": utc_now()}).encode()
    if not store.is_local:
        store.write_if_absent(layout.STORE_ID, content)
        return
    with hold_lock(store.local_path("locks/store.lock"), "gives the store its id", wait_s):
        if not store.exists(layout.STORE_ID):
            store.write(layout.STORE_ID, content)
