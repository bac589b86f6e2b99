"""How long to wait before a request is sent again."""

import email.utils
import random
import time
from collections.abc import Mapping

FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 60.0  # between tries; a server may name another time


def choose_wait(attempt: int, named_s: float | None) -> float:
    """Seconds before another try: as the server says, else twice as long each time."""
    if named_s is not None:
        return min(named_s, LONGEST_WAIT_S)
    # Not all at once again: others were turned away at the same time.
    return min(FIRST_WAIT_S * 2 ** (attempt - 1), LONGEST_WAIT_S) * random.uniform(0.5, 1.0)


def read_wait(headers: Mapping[str, str]) -> float | None:
    """The seconds of Retry-After, which may name a date; None where it names neither."""
    value = headers.get("retry-after", "").strip()
    if value.replace(".", "", 1).isdecimal():
        return float(value)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, TypeError):
        return None
