"""Sends a run's pages to Prefect's server; a run does not fail because of a page."""

import logging
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import httpx
from prefect.exceptions import PrefectHTTPStatusError

Answer = TypeVar("Answer")
log = logging.getLogger(__name__)
# A server that restarts is back within these. Prefect repeats requests itself, but none that a new
# client starts with, as for every artifact.
WAITS_S = (2.0, 8.0, 20.0, 30.0)


def deliver(
    create: Callable[..., Answer], *args: Any, waits_s: Sequence[float] = WAITS_S, **named: Any
) -> Answer | None:
    """Calls a function that creates an artifact, again after each wait; its answer.

    None, and a line in the log, if the server cannot be reached all the while: what the run made is
    in the store. Requests that the server refuses are errors.
    """
    for wait_s in (*waits_s, None):
        try:
            return create(*args, **named)
        except (httpx.TransportError, PrefectHTTPStatusError) as error:
            if isinstance(error, PrefectHTTPStatusError) and error.response.status_code < 500:
                raise
            if wait_s is None:
                log.warning("a page of this run is missing: Prefect's server is away (%s)", error)
            else:
                time.sleep(wait_s)
    return None
