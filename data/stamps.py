"""The time as receipts record it, and the digest of a JSON value."""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any


def utc_now() -> str:
    """The time in UTC to the second, as "2026-01-31T02:00:00+00:00"."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def hash_json(value: Any) -> str:
    """SHA-256 of the value's canonical JSON, in hex."""
    # Sorted, without spaces, in ASCII: one text for equal values, whoever built the dict.
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()
