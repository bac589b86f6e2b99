"""How a corpus's last ingest ended, where it did not end well."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from data.secrets import strip_secrets
from data.stamps import utc_now
from data.store import layout
from data.store.storage import Store

MAX_CHARACTERS = 2000  # of an error
DONE = "-done.json"


@contextmanager
def record_failure(store: Store, corpus: str, source: str) -> Iterator[None]:
    """Records the error that ends an ingest in the block; an ingest that ends well removes it.

    A corpus that does not exist yet is not made by it.
    """
    name = layout.failed_ingest_file(corpus)
    try:
        yield
    except Exception as error:
        if store.exists(layout.corpus_folder(corpus)):
            text = strip_secrets(str(error) or type(error).__name__)[:MAX_CHARACTERS]
            record = {"source": strip_secrets(source), "error": text, "failed": utc_now()}
            store.write(name, json.dumps(record).encode())
        raise
    store.delete(name)


def describe_failure(store: Store, corpus: str) -> str | None:
    """Why the last ingest has not ended well; None where it has, or where there was none."""
    name = layout.failed_ingest_file(corpus)
    if store.exists(name):
        record = json.loads(store.read(name))
        return f"its last ingest, of {record['source']}, failed: {record['error']}"
    names = store.list_names(layout.ingests_folder(corpus), ".json")
    last = max((name for name in names if not name.endswith(DONE)), default=None)
    if last is None or last.replace(".json", DONE) in names:
        return None
    source = json.loads(store.read(last))["source"]
    return f"its last ingest, of {source}, has not ended: it is at work, or was stopped"
